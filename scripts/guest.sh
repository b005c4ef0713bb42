# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What scripts/vm and scripts/uml have in common: a guest is started, runs a
# job, and gives back its output, its exit status, and what its kernel had to
# report. scripts/vm-init is the other side.

# What a kernel prints when something is wrong with it.
reports='BUG[: ]|WARNING:|Oops|general protection|stack segment|double fault'
reports+='|divide error|Kernel panic|unable to handle|KASAN|KFENCE|UBSAN'
reports+='|INFO: (task|rcu|trying|lockdep)|rcu: INFO|RCU used illegally'
reports+='|possible (recursive|circular|irq)|inconsistent lock'
reports+='|suspicious RCU|bad unlock balance|ODEBUG|unreferenced object'
reports+='|refcount_t:|list_(add|del) corruption|Slab cache still has objects'
reports+='|(soft|hard) lockup|hard LOCKUP|scheduling while atomic'
reports+='|sleeping function called|unregister_netdevice: waiting'

# want_numbers WORD...: each a number above 0, or that is the end.
want_numbers()
{
	local word

	for word; do
		case $word in
		'' | *[!0-9]* | 0*)
			die 125 "'$word': a number above 0 is wanted here" ;;
		esac
	done
}

# clock SECONDS: the guest says "up" before the command and "exit N" after it;
# "gone" is said here when it ends without.
clock()
{
	local line

	read -r -t 300 -u "$status" line
	[ "$line" = up ] || exit 125
	: >"$run/up"
	read -r -t "$1" -u "$status" line || exit 124
	[ "${line% *}" = exit ] || exit 125
	echo "${line#exit }" >"$run/exit"
}

# kill_guest: it is a process group, of several in UML, which keep its output
# open when but the first one goes.
kill_guest()
{
	[ -n "$guest" ] || return 0
	kill -KILL -- "$guest" "-$guest"
	wait "$guest"
	guest=
} 2>/dev/null

finish()
{
	kill_guest
	[ -z "$clock" ] || { kill -KILL "$clock"; wait "$clock"; } 2>/dev/null
	rm -rf "$run"
}

# write_job COMMAND...: what the guest's init sources.
write_job()
{
	local name

	printf 'top=%q root=%q directory=%q\n' "$CT_TOP" "$K_ROOT" "$PWD"
	printf 'command=('
	printf '%q ' "$@"
	printf ')\n'
	for name in $(compgen -A export CT_); do
		printf 'export %s=%q\n' "$name" "${!name}"
	done
}

# pump: pass on what the guest writes, until it ends; if who reads that
# goes away, so do we.
pump()
{
	cat
	[ $? -ne 141 ] || kill -PIPE $$
}

# watch_guest SECONDS: start the guest, wait for its end or see to it. Returns
# as clock() does.
watch_guest()
{
	local result first

	: >"$run/console"
	start_guest
	clock "$1" {out}>&- {err}>&- &
	clock=$!

	wait -n -p first "$guest" "$clock"
	result=$?
	if [ "$first" = "$guest" ]; then
		guest=
		echo gone >&"$status"
		wait "$clock"
		result=$?
	elif [ $result -eq 0 ]; then
		# It is powering off, but do not count on that.
		timeout 20 tail --pid="$guest" -s 0.1 -f /dev/null
	fi
	clock=
	kill_guest
	return $result
}

# run_guest SECONDS COMMAND...: does not return. Calls start_guest, which
# starts the guest in the background, in a process group of its own, with no
# descriptors but those it needs, its files in $run, and leaves it in $guest.
run_guest()
{
	local seconds=$1 result first pumps try

	shift
	guest='' clock=''
	run=$(mktemp -d "${TMPDIR:-/tmp}/ct-guest.XXXXXX") || exit 125
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	trap 'exit 141' PIPE
	write_job "$@" >"$run/job"

	# Held open here, so that nobody waits to open one; of output only the
	# writing end, so that its reader may go away.
	mkfifo "$run/out" "$run/err" "$run/status"
	exec {status}<>"$run/status"
	pump <"$run/out" {status}>&- &
	pumps=$!
	exec {out}>"$run/out"
	pump <"$run/err" >&2 {status}>&- {out}>&- &
	pumps="$pumps $!"
	exec {err}>"$run/err"

	# QEMU before 8.1 may run code that another CPU just patched: a kernel
	# then dies of a stray int3. If that was before COMMAND, no harm is done.
	for try in 1 2 3; do
		watch_guest "$seconds"
		result=$?
		if [ -e "$run/up" ] || [ "$try" -eq 3 ] ||
			! grep -q 'Oops: int3' "$run/console"; then
			break
		fi
	done
	exec {out}>&- {err}>&-
	# shellcheck disable=SC2086 # two numbers
	wait $pumps

	# From the first report on, with whatever came after it.
	first=$(grep -nEm 1 "$reports" "$run/console" | cut -d : -f 1)
	if [ -n "$first" ]; then
		echo "${0##*/}: the kernel reported:" >&2
		tail -n "+$((first > 1 ? first - 1 : 1))" "$run/console" |
			head -n 200 | tr -d '\r' >&2
		exit 126
	fi
	case $result in
	0) exit "$(cat "$run/exit")" ;;
	124)
		echo "${0##*/}: time is up after $seconds s" >&2
		exit 124
		;;
	esac
	if [ -e "$run/up" ]; then
		echo "${0##*/}: the guest ended before the command did" >&2
	else
		echo "${0##*/}: the guest did not come up" >&2
	fi
	tail -n 20 "$run"/{log,console} >&2
	exit 125
}
