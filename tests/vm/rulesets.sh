# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Rulesets of other projects, in the directory CT_RULESETS, by default the shared one
# beside the checkout: sourced behind lib.sh.

CT_RULESETS=${CT_RULESETS:-$HERE/../../../shared/rulesets}

# ruleset FILE: as it is to be loaded: with the chains that other files of the same
# program make, and without what needs something else: a file, an object (nfacct), a
# module that Debian has not (iface). Debian 12's nft does not know "dstnat" of its own
# packets.
ruleset()
{
	local chain

	case $1 in
	*.nft)
		sed '/hook output/s/priority dstnat/priority -100/
			/^[[:space:]]*include "/d' "$1"
		return
		;;
	esac
	grep -v -- '-m nfacct\|-m iface' "$1" | sed '/^\*filter/q'
	grep -o -- '-j ufw[-a-z0-9]*' "$1" | cut -d ' ' -f 2 | sort -u |
		while read -r chain; do
			grep -q "^:$chain " "$1" || echo ":$chain - [0:0]"
		done
	grep -v -- '-m nfacct\|-m iface' "$1" | sed '1,/^\*filter/d'
}
