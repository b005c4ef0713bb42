# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts have in common. Sourced, never run.

CT_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CT_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/ct

die()
{
	local status=1

	case $1 in
	[0-9]*) status=$1; shift ;;
	esac
	echo "${0##*/}: $*" >&2
	exit "$status"
}

# quietly LOG COMMAND...: what COMMAND prints goes to LOG, and only if it
# fails to standard error.
quietly()
{
	local log=$1 status=0

	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 </dev/null || status=$?
	[ $status -eq 0 ] || tail -n 60 "$log" >&2
	return $status
}

# locked FILE COMMAND...: one at a time.
locked()
{
	local lock=$1 fd status=0

	shift
	mkdir -p "$(dirname "$lock")"
	exec {fd}>"$lock"
	flock "$fd"
	"$@" {fd}>&- || status=$?
	exec {fd}>&-
	return $status
}

# kernel_release 6.1|6.12: the newest such stock kernel that is installed
# with its headers.
kernel_release()
{
	local image release

	for image in /boot/vmlinuz-"$1"[.-]*-amd64; do
		release=${image#/boot/vmlinuz-}
		case $release in
		*-cloud-amd64 | *-rt-amd64) continue ;;
		esac
		[ -e "/lib/modules/$release/build/Makefile" ] &&
			echo "$release"
	done | sort -V | tail -n 1
}

# kernel_source 6.1|6.12: the unpacked source of the package linux-source-*,
# unpacked first when it is not there or of another version.
kernel_source()
{
	local dir=$CT_CACHE/linux-source-$1 tar=/usr/src/linux-source-$1.tar.xz
	local version

	[ -e "$tar" ] || die "linux-source-$1 is missing: run scripts/setup"
	version=$(dpkg-query -W -f '${Version}' "linux-source-$1") || return
	locked "$dir.lock" unpack_source "$dir" "$tar" "$version" || return
	echo "$dir"
}

unpack_source()
{
	local dir=$1 tar=$2 version=$3

	[ "$(cat "$dir.version" 2>&1)" = "$version" ] && return
	rm -rf "$dir" "$dir.new"
	mkdir -p "$dir.new"
	tar -xJf "$tar" -C "$dir.new" --strip-components=1 || return
	mv "$dir.new" "$dir"
	echo "$version" >"$dir.version"
}

# kernel_build NAME VERSION ARCH DEFCONFIG TARGET FRAGMENT...: the directory of
# a kernel built from linux-source-VERSION and the configuration fragments (with
# allnoconfig, of nothing else), with its modules installed below root/. Built
# once, then cached.
kernel_build()
{
	local name=$1 version=$2 arch=$3 defconfig=$4 target=$5
	local src key dir

	shift 5
	src=$(kernel_source "$version") || return
	key=$(cat "$@" "$src.version" | sha256sum | cut -c 1-12)
	dir=$CT_CACHE/$name-$key
	locked "$dir.lock" kernel_build_once "$dir" "$src" "$arch" \
		"$defconfig" "$target" "$@" || return
	echo "$dir"
}

kernel_build_once()
{
	local dir=$1 src=$2 arch=$3 defconfig=$4 target=$5
	local log=$1.log
	local make=(make -C "$src" O="$dir" ARCH="$arch")

	shift 5
	[ -e "$dir/.ct-built" ] && return
	echo "${0##*/}: building a kernel, once; see $log" >&2
	mkdir -p "$dir" && cat "$@" >"$dir/fragments" &&
		if [ "$defconfig" = allnoconfig ]; then
			quietly "$log" "${make[@]}" allnoconfig \
				KCONFIG_ALLCONFIG="$dir/fragments"
		else
			quietly "$log" "${make[@]}" "$defconfig" &&
				quietly "$log" env ARCH="$arch" \
					"$src/scripts/kconfig/merge_config.sh" \
					-m -O "$dir" "$dir/.config" "$@" &&
				quietly "$log" "${make[@]}" olddefconfig
		fi &&
		quietly "$log" "${make[@]}" -j"$(nproc)" "$target" modules &&
		quietly "$log" "${make[@]}" INSTALL_MOD_PATH="$dir/root" \
			modules_install &&
		touch "$dir/.ct-built"
}

# resolve_kernel KERNEL: what is to be known of a kernel, in K_* variables.
# KERNEL is 6.1 or 6.12 (the newest installed), a full release, uml, uml-debug,
# either with -kunit behind it (our modules built with their KUnit suites), debug,
# or the path of a kernel's build directory.
# shellcheck disable=SC2034 # some are for the scripts that call it
resolve_kernel()
{
	local installed

	K_ARCH=x86_64
	K_IMAGE=
	K_MAKE=
	case $1 in
	uml | uml-kunit)
		K_ARCH=um
		K_DIR=$(uml_kernel) || exit 125
		;;
	uml-debug | uml-debug-kunit)
		K_ARCH=um
		K_DIR=$(uml_debug_kernel) || exit 125
		;;
	debug)
		K_DIR=$(debug_kernel) || exit 125
		;;
	*/*)
		K_DIR=$(realpath -m "$1")
		;;
	6.1 | 6.12)
		K_RELEASE=$(kernel_release "$1")
		[ -n "$K_RELEASE" ] ||
			die 125 "no stock kernel $1 with headers: run scripts/setup vm"
		K_DIR=/lib/modules/$K_RELEASE/build
		;;
	*)
		K_DIR=/lib/modules/$1/build
		;;
	esac
	case $1 in
	*-kunit) K_MAKE=CT_KUNIT=y ;;
	esac
	[ -e "$K_DIR/include/config/kernel.release" ] ||
		die 125 "$1: no kernel build (or its headers) in $K_DIR"
	K_RELEASE=$(cat "$K_DIR/include/config/kernel.release")

	case $K_DIR in
	/lib/modules/*)
		K_MODULES=${K_DIR%/build}
		K_RELEASE=${K_MODULES#/lib/modules/}
		K_NAME=$K_RELEASE
		K_IMAGE=/boot/vmlinuz-$K_RELEASE
		;;
	*)
		case $1 in
		*/*) K_NAME=$(basename "$K_DIR")-$(cksum <<<"$K_DIR" |
			cut -d ' ' -f 1) ;;
		*) K_NAME=$1 ;;
		esac
		installed=$K_DIR/root
		[ -d "$installed" ] || installed=$CT_TOP/build/$K_NAME/installed
		K_MODULES=$installed/lib/modules/$K_RELEASE
		K_IMAGE=$K_DIR/arch/x86/boot/bzImage
		;;
	esac
	K_OUT=$CT_TOP/build/$K_NAME
	K_ROOT=$K_OUT/root
}

# uml_registers: bytes of registers that UML has to have room for. What ptrace()
# says, with room; a processor with AMX has 11 KB, and one build is for all.
uml_registers()
{
	local program size

	program=$(mktemp) || return
	cc -O2 -o "$program" "$CT_TOP/scripts/xsave-size.c" &&
		size=$("$program")
	rm -f "$program"
	[ -n "$size" ] || die "the size of this processor's registers is unknown"
	size=$(((size + size / 4 + 4095) / 4096 * 4096))
	echo $((size > 16384 ? size : 16384))
}

# uml_source SIZE: UML of 6.1 dies at boot where registers take more than it
# was written for ("ptrace set fp regs failed, errno = 14"). And it walks a
# process's memory without the lock for that, which lockdep tells of. Its clock
# ticks as often as Debian's: timeouts are rounded to that.
uml_source()
{
	local src file tlb

	src=$(kernel_source 6.1) || return
	file=$src/arch/x86/um/user-offsets.c
	grep -q "HOST_FP_SIZE, $1)" "$file" ||
		sed -i -E "s/(HOST_FP_SIZE, )(2696|[0-9]{5,})\)/\1$1)/" "$file" ||
		return
	grep -q "HOST_FP_SIZE, $1)" "$file" ||
		die "$file: not the line that was looked for"
	sed -i '/^config HZ$/,/default/s/default 100$/default 250/' \
		"$src/arch/um/Kconfig" || return
	tlb=$src/arch/um/kernel/tlb.c
	grep -q mmap_read_lock "$tlb" ||
		sed -i '/^void force_flush_all/,/^}/{
			s/^\tfor_each_vma/\tmmap_read_lock(mm);\n&/
			s/^\t\tfix_range.*/&\n\tmmap_read_unlock(mm);/
		}' "$tlb"
}

# uml_kernel [FRAGMENT]: with that on top, it is another kernel.
uml_kernel()
{
	local size

	size=$(uml_registers) || return
	locked "$CT_CACHE/uml-source.lock" uml_source "$size" || return
	kernel_build "uml${1:+-debug}-$size" 6.1 um x86_64_defconfig linux \
		"$CT_TOP/scripts/uml.config" "$@"
}

uml_debug_kernel()
{
	uml_kernel "$CT_TOP/tests/vm/debug.config"
}

debug_kernel()
{
	kernel_build debug 6.12 x86_64 allnoconfig bzImage \
		"$CT_TOP/tests/vm/kernel.config" "$CT_TOP/tests/vm/debug.config"
}

# build_modules [MAKE-ARG...]: build ct for the kernel of the K_* variables.
#
# kbuild writes beside the sources, so each kernel has a directory of its own
# that shadows them with symbolic links: products never clash.
build_modules()
{
	local dir sources=(Kbuild include net tests/kunit tests/bench)

	mkdir -p "$K_OUT"
	for dir in "${sources[@]}"; do
		[ -e "$CT_TOP/$dir" ] || continue
		mkdir -p "$(dirname "$K_OUT/$dir")"
		(cd "$CT_TOP" && find "$dir" -name '.*' -prune -o \
			-type d -printf '%p\0') |
			(cd "$K_OUT" && xargs -0r mkdir -p)
		(cd "$CT_TOP" && find "$dir" -name '.*' -prune -o \
			-type f -printf '%h\0%p\0') |
			while IFS= read -rd '' where && IFS= read -rd '' file; do
				[ -L "$K_OUT/$file" ] ||
					ln -s "$CT_TOP/$file" "$K_OUT/$where"
			done
	done
	find "$K_OUT" -xtype l -not -path "$K_ROOT/*" -delete
	make -C "$K_DIR" M="$K_OUT" ARCH="$K_ARCH" -j"$(nproc)" \
		${K_MAKE:+"$K_MAKE"} "$@" modules
}

# stale STAMP PATH...: is anything below PATH newer than STAMP?
stale()
{
	local stamp=$1

	shift
	[ ! -e "$stamp" ] ||
		[ -n "$(find -L "$@" -newer "$stamp" -print -quit 2>&1)" ]
}

# ensure_built: modules and ctctl, when they are stale. Nothing is printed
# unless it fails.
ensure_built()
{
	locked "$K_OUT/.lock" ensure_built_locked &&
		locked "$CT_TOP/build/.ctctl.lock" \
			quietly "$CT_TOP/build/ctctl.log" \
			make -C "$CT_TOP/tools/ctctl"
}

ensure_built_locked()
{
	local stamp=$K_OUT/.built

	if stale "$stamp" "$CT_TOP/Kbuild" "$CT_TOP/include" "$CT_TOP/net" \
		"$CT_TOP/tests/kunit" "$CT_TOP/tests/bench" \
		"$K_DIR/Module.symvers" "$K_DIR/.config"; then
		touch "$stamp.new"
		quietly "$K_OUT/build.log" build_modules || return
		mv "$stamp.new" "$stamp"
	fi
	install_root
}

# install_root: K_ROOT/lib/modules/RELEASE, what modprobe in the guest is to
# find: the kernel's modules and ours. depmod takes seconds, so only when what
# it depends on has changed.
install_root()
{
	local tree=$K_ROOT/lib/modules/$K_RELEASE module key

	[ -e "$K_MODULES/modules.order" ] ||
		quietly "$K_OUT/install.log" make -C "$K_DIR" ARCH="$K_ARCH" \
			INSTALL_MOD_PATH="${K_MODULES%/lib/modules/*}" \
			modules_install || return

	rm -rf "$tree/updates"
	mkdir -p "$tree/updates/ct"
	ln -sfn "$K_MODULES/kernel" "$tree/kernel"
	ln -sf "$K_MODULES"/modules.{order,builtin,builtin.modinfo} "$tree"
	find "$K_OUT" -path "$K_ROOT" -prune -o -name '*.ko' \
		-exec ln -sf -t "$tree/updates/ct" {} +

	key=$(
		stat -L -c '%Y %n' "$K_MODULES/modules.order"
		for module in "$tree"/updates/ct/*.ko; do
			[ -e "$module" ] || continue
			echo "${module##*/}"
			modinfo -F depends "$module"
			modinfo -F alias "$module"
			modinfo -F softdep "$module"
			nm "$module" | sed -n 's/.* __ksymtab_//p'
		done
	)
	[ "$key" = "$(cat "$tree/.key" 2>&1)" ] && return
	depmod -b "$K_ROOT" "$K_RELEASE" && echo "$key" >"$tree/.key"
}

# tally NAME COMMAND...: run a part of the tests, show what it prints, and add
# up its last line, "N passed, N failed". One that ends without such a line, or
# fails for another reason, counts as a failure itself.
# shellcheck disable=SC2034 # used by the scripts
passed=0 failed=0
tally()
{
	local name=$1 output summary status

	shift
	output=$(mktemp) || exit
	echo "## $name"
	"$@" 2>&1 | tee "$output"
	status=${PIPESTATUS[0]}
	summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$output" |
		tail -n 1)
	rm -f "$output"
	if [ -n "$summary" ]; then
		passed=$((passed + ${summary%% *}))
		summary=${summary#*, }
		failed=$((failed + ${summary%% *}))
	fi
	if [ -z "$summary" ] ||
		{ [ "$status" -ne 0 ] && [ "${summary%% *}" -eq 0 ]; }; then
		echo "not ok $name - ended with status $status"
		failed=$((failed + 1))
	fi
}

# tally_end: print the sum and exit accordingly.
tally_end()
{
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}
