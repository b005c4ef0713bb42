#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Floods of ten times the limit, of each kind, from one network and from many:
# what was established stays, and who is honest gets through. A short form of
# tests/flood/run, which measures nf_conntrack beside it.
# clock: virtual
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# judge KIND SOURCES FLOOD BEFORE SURVIVED HONEST DONE REST: a line of flood.py.
judge()
{
	local name="$1 from $2"

	if ! ours; then
		ok "$name: $5 of $4 survived, $7 of $6 honest ones succeeded"
		return
	fi
	is "$name: all established ones survive" "$5" "$4"
	check "$name: $7 of $6 honest ones succeed" \
		[ $((100 * $7)) -ge $((99 * $6)) ]
}

"$HERE/../flood/guest" 300 6 10 1 >"$TMP/flood" || not_ok "floods" \
	"$(tail -n 3 "$TMP/flood" | tr '\n' '|')"
is "there are all floods" "$(grep -c '^flood ' "$TMP/flood")" 10
while read -r _ line; do
	echo "# $line"
	# shellcheck disable=SC2086
	judge $line
done < <(grep '^flood ' "$TMP/flood")
