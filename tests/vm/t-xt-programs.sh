#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Programs of Debian that make rules of iptables or nftables, as they are: each is
# started on the router, and what its author means to pass passes, and nothing else. The
# packages are unpacked in CT_PROGRAMS, which tests/vm/programs does and starts
# this; what is not there is skipped. CT_ONLY="NAME..." takes some of them.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
PROGRAMS=${CT_PROGRAMS:-/nosuch}
[ -d "$PROGRAMS/usr" ] || {
	skip "programs" "no packages: see tests/vm/programs"
	DONE=1
	exit 0
}
mkdir -p /run/usr/upper /run/usr/work
mount -t overlay -o "lowerdir=$PROGRAMS/usr:/usr,upperdir=/run/usr/upper,workdir=/run/usr/work" \
	overlay /usr || exit
cp -a "$PROGRAMS"/{etc,var} /
cat >>/etc/passwd <<-'END'
	libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin
	dnsmasq:x:64056:65534::/var/lib/misc:/usr/sbin/nologin
END
printf '%s:x:%d:\n' libvirt-qemu 64055 libvirt 64057 docker 64058 >>/etc/group

# started PROGRAM...: is it there?
there()
{
	command -v "$1" >"$TMP/there" && return
	skip "$1" "is not installed"
	return 1
}

# backend legacy|nft: what iptables and ip6tables are, for whoever calls them.
backend()
{
	local program

	for program in iptables ip6tables; do
		ln -sf "/usr/sbin/$program-$1" "/etc/alternatives/$program"
		ln -sf "/usr/sbin/$program-$1-save" \
			"/etc/alternatives/$program-save"
		ln -sf "/usr/sbin/$program-$1-restore" \
			"/etc/alternatives/$program-restore"
	done
}

# inside COMMAND...: in the router's network, but with the mounts that are here.
inside()
{
	nsenter --net=/run/netns/n0 -- "$@"
}

# Who comes from there is told that he does, by socat, which writes all of it.
CLIENT6=fd00:0001:0000:0000:0000:0000:0000:0001

# serve NS PORT...: whoever comes is told by whom, and who he is there.
serve()
{
	local ns=$1 port listen

	shift
	for port; do
		for listen in TCP4-LISTEN:$port TCP6-LISTEN:$port,ipv6only=1; do
			ip netns exec "$ns" socat "$listen,fork,reuseaddr" \
				SYSTEM:"echo $ns \$SOCAT_PEERADDR" &
		done
		until_true listening "$ns" tcp "$port"
	done
}

# asks NS HOST PORT: what it is told, or nothing.
asks()
{
	ip netns exec "$1" timeout 10 socat -u \
		"TCP:$2:$3,connect-timeout=2" - 2>"$TMP/asked" | tr -d '[]'
}

# answered NAME NS HOST PORT WANTED: by whom, and as whom it was seen.
answered()
{
	is "$WHAT: $1" "$(asks "$2" "$3" "$4")" "$5"
}

refused()
{
	is "$WHAT: $1" "$(asks "$2" "$3" "$4")" ""
}

# begin WHAT: with the three hosts as they are at first.
begin()
{
	WHAT=$1 before=$FAILED
	topology
	serve n0 22 23 25
	serve n1 7
	serve n2 7 8
}

# end [FILE]: with nothing of it left. If something went wrong, what the daemon wrote
# there is shown.
end()
{
	local ns pid

	[ -z "${1-}" ] || [ "$FAILED" -eq "$before" ] ||
		tail -n 30 "$1" | sed 's/^/# /'
	for ns in $(ip netns list | cut -d ' ' -f 1); do
		for pid in $(ip netns pids "$ns"); do
			kill -9 "$pid"
		done
		ip netns exec "$ns" nft flush ruleset
		iptables_flush "$ns"
		ip netns del "$ns"
	done 2>"$TMP/end"
	wait 2>"$TMP/end"
}

# guest BRIDGE ADDRESS GATEWAY: n3, behind that bridge of the router.
guest()
{
	namespace n3
	ip -n n3 link add veth type veth peer name guest netns n0
	ip -n n0 link set guest master "$1"
	ip -n n0 link set guest up
	ip -n n3 link set veth up
	[ -z "${2-}" ] || {
		ip -n n3 addr add "$2" dev veth
		ip -n n3 route add default via "$3"
	}
}

# --- ufw ---

use_ufw()
{
	there ufw || return
	begin "ufw, $1"
	backend "$1"
	rm -rf /etc/ufw /lib/ufw/user*
	cp -a "$PROGRAMS/etc/ufw" /etc
	cp /usr/share/ufw/iptables/*.rules /usr/share/ufw/ufw.conf /etc/ufw
	# As its manual page says it is to be done.
	cat >>/etc/ufw/before.rules <<-'END'
		*nat
		:PREROUTING ACCEPT [0:0]
		:POSTROUTING ACCEPT [0:0]
		-F
		-A PREROUTING -i veth1 -p tcp --dport 8080 -j DNAT --to-destination 10.0.2.1:7
		-A POSTROUTING -s 10.0.1.0/24 -o veth2 -j MASQUERADE
		COMMIT
	END
	{
		n0 ufw allow 22/tcp
		n0 ufw limit 23/tcp
		n0 ufw route allow in on veth1 out on veth2 \
			to 10.0.2.1 port 7 proto tcp
	} >"$TMP/ufw" 2>&1
	check "$WHAT: enable" n0 ufw --force enable
	check "$WHAT: is active" n0 sh -c 'ufw status | grep -q "Status: active"'
	answered "what is allowed is answered" n1 10.0.1.254 22 "n0 10.0.1.1"
	answered "by IPv6, too" n1 '[fd00:1::fe]' 22 "n0 $CLIENT6"
	refused "what is not is not" n1 10.0.1.254 25
	refused "nor by IPv6" n1 '[fd00:1::fe]' 25
	answered "a route that is allowed, masqueraded" n1 10.0.2.1 7 \
		"n2 10.0.2.254"
	answered "a forwarded port" n1 10.0.1.254 8080 "n2 10.0.2.254"
	refused "another port is not" n1 10.0.2.1 8
	refused "nor the way back" n2 10.0.1.1 7
	answered "the router itself goes where it wants" n0 10.0.2.1 8 \
		"n2 10.0.2.254"
	for _ in 1 2 3 4 5; do
		asks n1 10.0.1.254 23
	done >"$TMP/limit"
	is "$WHAT: as often as the limit says" "$(sort -u "$TMP/limit")" \
		"n0 10.0.1.1"
	refused "and not again" n1 10.0.1.254 23
	check "$WHAT: reload" n0 ufw reload
	answered "with the same rules" n1 10.0.1.254 8080 "n2 10.0.2.254"
	check "$WHAT: disable" n0 ufw disable
	answered "and all is open" n1 10.0.1.254 25 "n0 10.0.1.1"
	end
}

# --- firewalld ---

use_firewalld()
{
	local config=/etc/firewalld/firewalld.conf daemon cmd

	there firewalld || return
	begin "firewalld, $1"
	backend nft
	rm -rf /etc/firewalld
	cp -a "$PROGRAMS/etc/firewalld" /etc
	sed -i "s/^FirewallBackend=.*/FirewallBackend=$1/" $config
	# What its package would have linked: root may do that.
	ln -sf org.fedoraproject.FirewallD1.server.policy.choice \
		/usr/share/polkit-1/actions/org.fedoraproject.FirewallD1.policy
	mkdir -p /run/dbus
	[ -S /run/dbus/system_bus_socket ] || dbus-daemon --system --fork
	inside firewalld --nofork --nopid >"$TMP/firewalld" 2>&1 &
	daemon=$!
	if ! until_true inside firewall-cmd --state; then
		until_true inside firewall-cmd --state
	fi
	check "$WHAT: runs" inside firewall-cmd --state
	{
		cmd=(inside firewall-cmd --permanent)
		"${cmd[@]}" --zone=public --add-interface=veth1
		"${cmd[@]}" --zone=external --add-interface=veth2
		"${cmd[@]}" --zone=public --add-forward-port=port=8080:proto=tcp:toport=7:toaddr=10.0.2.1
		"${cmd[@]}" --zone=public --add-rich-rule='rule family=ipv4 source address=10.0.1.0/24 port port=23 protocol=tcp accept'
	} >"$TMP/cmd" 2>&1
	check "$WHAT: takes zones, a forwarded port, a rich rule" \
		inside firewall-cmd --reload
	answered "a service of its zone" n1 10.0.1.254 22 "n0 10.0.1.1"
	answered "by IPv6, too" n1 '[fd00:1::fe]' 22 "n0 $CLIENT6"
	answered "what the rich rule says" n1 10.0.1.254 23 "n0 10.0.1.1"
	refused "not by IPv6" n1 '[fd00:1::fe]' 23
	refused "nothing else" n1 10.0.1.254 25
	answered "a forwarded port, masqueraded by the zone behind" \
		n1 10.0.1.254 8080 "n2 10.0.2.254"
	refused "the way back" n2 10.0.1.1 7
	refused "nor from the other zone" n2 10.0.2.254 8080
	answered "the router itself goes where it wants" n0 10.0.2.1 7 \
		"n2 10.0.2.254"
	check "$WHAT: a reload" inside firewall-cmd --reload
	answered "changes nothing" n1 10.0.1.254 8080 "n2 10.0.2.254"
	is "$WHAT: nor was there any error" \
		"$(grep -v "^$" "$TMP/firewalld" | grep -i error | head -n 3)" ""
	check "$WHAT: panic mode" inside firewall-cmd --panic-on
	refused "lets nobody in" n1 10.0.1.254 22
	check "$WHAT: that ends" inside firewall-cmd --panic-off
	answered "and it is as before" n1 10.0.1.254 22 "n0 10.0.1.1"

	# A helper, for NetBIOS.
	inside firewall-cmd --zone=internal --change-interface=veth1 \
		>"$TMP/internal" 2>&1
	if ours; then
		check "$WHAT: the zone internal has a helper, which ct has not" \
			grep -qi "not supported\|No such file\|failed" \
			"$TMP/internal" "$TMP/firewalld"
	else
		is "$WHAT: a zone with a helper" "$(cat "$TMP/internal")" success
	fi
	kill "$daemon"
	end "$TMP/firewalld"
}

# --- libvirt's default network ---

use_libvirt()
{
	local virsh=(inside virsh -q -c qemu:///system) daemon

	there libvirtd && there dnsmasq || return
	begin "libvirt, $1"
	backend "$1"
	mkdir -p /run/libvirt /var/log/libvirt
	rm -rf /var/lib/libvirt/dnsmasq/*
	rm -f /run/libvirt/*.pid
	inside libvirtd -t 0 >"$TMP/libvirtd" 2>&1 &
	daemon=$!
	until_true "${virsh[@]}" net-list || until_true "${virsh[@]}" net-list
	"${virsh[@]}" net-define /usr/share/libvirt/networks/default.xml \
		>"$TMP/define" 2>&1
	check "$WHAT: the network starts" "${virsh[@]}" net-start default
	check "$WHAT: with its rules" n0 sh -c \
		'iptables -t nat -S LIBVIRT_PRT | grep -q MASQUERADE'
	guest virbr0
	check "$WHAT: a guest gets an address" n3 busybox udhcpc -i veth -n -q \
		-t 10 -s "$TMP/lease"
	answered "it is masqueraded" n3 10.0.2.1 7 "n2 10.0.2.254"
	serve n3 9
	answered "the host reaches it" n0 "$(n3_address)" 9 "n3 192.168.122.1"
	refused "nobody from outside does" n2 "$(n3_address)" 9
	"${virsh[@]}" net-destroy default >"$TMP/destroy" 2>&1
	check_fails "$WHAT: the rules go with the network" n0 sh -c \
		'iptables -t nat -S LIBVIRT_PRT | grep -q MASQUERADE'
	kill "$daemon"
	end "$TMP/libvirtd"
}

n3() { ip netns exec n3 "$@"; }
n3_address()
{
	ip -n n3 -4 -o addr show dev veth | awk '{ sub("/.*", "", $4); print $4 }'
}

cat >"$TMP/lease" <<-'END'
	#!/bin/sh
	[ "$1" = bound ] || exit 0
	ip addr add "$ip/24" dev "$interface"
	ip route add default via "$router"
END
chmod +x "$TMP/lease"

# --- docker ---

docker_address()
{
	inside docker inspect -f '{{.NetworkSettings.IPAddress}}' "$1"
}

use_docker()
{
	local image=$TMP/image daemon run name

	there dockerd || return
	begin "docker, $1"
	backend "$1"
	mkdir -p "$image/bin" "$TMP/docker"
	cp "$(command -v busybox)" "$image/bin/busybox"
	ln -sf busybox "$image/bin/sh"
	for name in web shut; do
		printf '#!/bin/sh\necho %s\n' $name >"$image/bin/$name"
		chmod +x "$image/bin/$name"
	done
	# It drops what it does not know only where it turns forwarding on itself.
	n0 sysctl -q net.ipv4.ip_forward=0
	inside dockerd --data-root "$TMP/docker" --exec-root /run/docker \
		--storage-driver vfs --exec-opt native.cgroupdriver=cgroupfs \
		>"$TMP/dockerd" 2>&1 &
	daemon=$!
	for _ in 1 2 3 4 5 6; do
		until_true inside docker info && break
	done
	check "$WHAT: the daemon runs" inside docker version
	tar -C "$image" -c . | inside docker import - box >"$TMP/import" 2>&1
	run=(inside docker run -d --security-opt apparmor=unconfined)
	check "$WHAT: a container with a published port" "${run[@]}" -p 8080:80 \
		--name web box /bin/busybox nc -ll -p 80 -e /bin/web
	answered "from outside" n1 10.0.1.254 8080 web
	answered "from the other side" n2 10.0.2.254 8080 web
	answered "from the host itself" n0 10.0.1.254 8080 web
	answered "by the loopback interface" n0 127.0.0.1 8080 web
	is "$WHAT: the container is masqueraded" "$(inside docker exec web \
		/bin/busybox nc -w 5 10.0.2.1 7)" "n2 10.0.2.254"
	check "$WHAT: another one, which publishes nothing" "${run[@]}" \
		--name shut box /bin/busybox nc -ll -p 80 -e /bin/shut
	answered "is reached by the host" n0 "$(docker_address shut)" 80 shut
	refused "and by nobody from outside" n1 "$(docker_address shut)" 80
	check "$WHAT: it stops" inside docker rm -f web shut
	refused "and its port is closed" n1 10.0.1.254 8080
	inside docker network create --internal inner >"$TMP/net" 2>&1
	check "$WHAT: a container in a network of its own" "${run[@]}" --network inner \
		--name inner box /bin/busybox nc -ll -p 80 -e /bin/web
	is "$WHAT: does not get out" "$(inside docker exec inner \
		/bin/busybox nc -w 2 10.0.2.1 7 2>&1 | grep -c n2)" 0
	inside docker rm -f inner >"$TMP/rm" 2>&1
	inside docker network rm inner >"$TMP/rm" 2>&1
	kill "$daemon"
	end "$TMP/dockerd"
	umount -l "$TMP/docker" 2>"$TMP/umount"
}

# --- shorewall ---

use_shorewall()
{
	local conf=/etc/shorewall

	there shorewall || return
	begin "shorewall, $1"
	backend "$1"
	rm -rf $conf /var/lib/shorewall
	cp -a "$PROGRAMS/etc/shorewall" /etc
	mkdir -p /var/lib/shorewall
	: >>/var/log/messages
	cp /usr/share/doc/shorewall/examples/two-interfaces/{interfaces,policy,rules,snat,stoppedrules,zones,shorewall.conf} $conf
	sed -i 's/STARTUP_ENABLED=No/STARTUP_ENABLED=Yes/' $conf/shorewall.conf
	sed -i 's/eth0/veth2/; s/eth1/veth1/' $conf/interfaces
	sed -i 's/LOC_IF/veth1/; s/NET_IF/veth2/' $conf/{snat,stoppedrules}
	cat >>$conf/rules <<-'END'
		DNAT	loc	net:10.0.2.1:7	tcp	8080	-	10.0.1.254
		DNAT	net	loc:10.0.1.1:7	tcp	8081
		ACCEPT	loc:10.0.1.1	$FW	tcp	23	-	-	s:5/min:5
		ACCEPT	net	$FW	tcp	25
	END
	check "$WHAT: starts" n0 shorewall start
	check "$WHAT: says so" n0 shorewall status
	answered "a service that is allowed" n1 10.0.1.254 22 "n0 10.0.1.1"
	answered "one with a limit" n1 10.0.1.254 23 "n0 10.0.1.1"
	refused "one that is not" n1 10.0.1.254 25
	answered "but from the other side" n2 10.0.2.254 25 "n0 10.0.2.1"
	refused "which has nothing else" n2 10.0.2.254 22
	answered "out, masqueraded" n1 10.0.2.1 8 "n2 10.0.2.254"
	refused "not in" n2 10.0.1.1 7
	answered "but by a forwarded port" n2 10.0.2.254 8081 "n1 10.0.2.1"
	answered "and by one of the own side" n1 10.0.1.254 8080 "n2 10.0.2.254"
	check "$WHAT: reloads" n0 shorewall reload
	answered "as before" n1 10.0.2.1 8 "n2 10.0.2.254"
	check "$WHAT: shows connections" n0 sh -c \
		'shorewall show connections | grep -q dport=8'
	check "$WHAT: clears" n0 shorewall clear
	answered "and all is open" n1 10.0.1.254 25 "n0 10.0.1.1"
	end
}

# --- fail2ban ---

banned()
{
	[ -z "$(asks n1 10.0.1.254 22)" ]
}

use_fail2ban()
{
	local log=$TMP/auth.log n

	there fail2ban-server || return
	begin "fail2ban, $1"
	backend "${1#*-}"
	rm -rf /etc/fail2ban /run/fail2ban
	cp -a "$PROGRAMS/etc/fail2ban" /etc
	rm -f /etc/fail2ban/jail.d/*
	mkdir -p /run/fail2ban /var/lib/fail2ban
	: >"$log"
	cat >/etc/fail2ban/jail.local <<-END
		[DEFAULT]
		backend = polling
		dbfile = None
		banaction = $2
		[sshd]
		enabled = true
		port = 22
		logpath = $log
		maxretry = 3
	END
	sed -i 's/^dbfile.*/dbfile = None/' /etc/fail2ban/fail2ban.conf
	n0 fail2ban-server -f --logtarget "$TMP/fail2ban" start \
		>"$TMP/fail2ban.out" 2>&1 &
	until_true n0 fail2ban-client ping || until_true n0 fail2ban-client ping
	until_true n0 fail2ban-client status sshd
	check "$WHAT: runs" n0 fail2ban-client status sshd
	answered "nobody is banned" n1 10.0.1.254 22 "n0 10.0.1.1"
	for n in 1 2 3 4; do
		echo "$(LC_ALL=C date '+%b %e %T') host sshd[$n]: Failed password for root from 10.0.1.1 port $n ssh2"
	done >>"$log"
	check "$WHAT: who failed is" until_true banned
	answered "at no other port" n1 10.0.1.254 23 "n0 10.0.1.1"
	answered "nor is anybody else" n2 10.0.2.254 22 "n0 10.0.2.1"
	n0 fail2ban-client unban 10.0.1.1 >"$TMP/unban" 2>&1
	answered "until he is no longer" n1 10.0.1.254 22 "n0 10.0.1.1"
	n0 fail2ban-client stop >"$TMP/stop" 2>&1
	end
}

# --- wg-quick ---

# wg_quick NS up|down: as if there were no nft, where iptables is wanted.
wg_quick()
{
	local path=/usr/sbin

	if [ "$BACKEND" != nft ]; then
		path=$TMP/sbin
		mkdir -p "$path"
		ln -sf /usr/sbin/* "$path"
		rm "$path/nft"
	fi
	PATH=/usr/bin:$path /usr/sbin/ip netns exec "$1" \
		wg-quick "$2" "/run/wg.$1/wg0.conf"
}

use_wg_quick()
{
	local key peer

	there wg-quick || return
	begin "wg-quick, $1"
	BACKEND=$1
	backend "${1#iptables-}"
	mkdir -p /run/wg.n0 /run/wg.n1
	key=$(wg genkey) peer=$(wg genkey)
	cat >/run/wg.n0/wg0.conf <<-END
		[Interface]
		PrivateKey = $key
		Address = 10.9.0.1/24
		ListenPort = 51820
		PostUp = iptables -t nat -A POSTROUTING -s 10.9.0.0/24 -o veth2 -j MASQUERADE
		[Peer]
		PublicKey = $(wg pubkey <<<"$peer")
		AllowedIPs = 10.9.0.2/32
	END
	cat >/run/wg.n1/wg0.conf <<-END
		[Interface]
		PrivateKey = $peer
		Address = 10.9.0.2/24
		[Peer]
		PublicKey = $(wg pubkey <<<"$key")
		Endpoint = 10.0.1.254:51820
		AllowedIPs = 0.0.0.0/0
	END
	chmod 600 /run/wg.n?/wg0.conf
	check "$WHAT: up, on the router" wg_quick n0 up
	# All of n1's packets take the tunnel: whose answers may come otherwise
	# is by the mark of the tunnel's own.
	check "$WHAT: up, for all that the client sends" wg_quick n1 up
	n1 sysctl -q net.ipv4.conf.all.rp_filter=1
	answered "all goes through the tunnel, and out masqueraded" \
		n1 10.0.2.1 7 "n2 10.0.2.254"
	check "$WHAT: the tunnel's own packets have a connection, and its mark" \
		n1 sh -c "conntrack -L -p udp --dport 51820 | grep 'mark=[1-9]'"
	answered "its address is reached through it" n0 10.9.0.2 7 "n1 10.9.0.1"
	refused "and not past it" n0 10.9.0.2 7,so-bindtodevice=veth1
	check "$WHAT: down" wg_quick n1 down
	is "$WHAT: no rule is left" "$(n1 nft list ruleset | grep -c wg)" 0
	answered "and all goes the other way" n1 10.0.1.254 22 "n0 10.0.1.1"
	end
}

# --- lxc-net ---

use_lxc_net()
{
	there /usr/libexec/lxc/lxc-net && there dnsmasq || return
	begin "lxc-net, $1"
	backend "${1#iptables-}"
	rm -rf /run/lxc
	printf 'USE_LXC_BRIDGE="true"\nLXC_USE_NFT="%s"\n' \
		"$([ "$1" = nft ] && echo true || echo false)" >/etc/default/lxc-net
	check "$WHAT: starts" n0 /usr/libexec/lxc/lxc-net start
	guest lxcbr0
	check "$WHAT: a container gets an address" n3 busybox udhcpc -i veth -n \
		-q -t 10 -s "$TMP/lease"
	answered "it is masqueraded" n3 10.0.2.1 7 "n2 10.0.2.254"
	serve n3 9
	answered "and reached by who has a route" n0 "$(n3_address)" 9 \
		"n3 10.0.3.1"
	check "$WHAT: stops" n0 /usr/libexec/lxc/lxc-net stop
	end
}

# ---

if ours; then
	modprobe ct hooks=demand
	other=nf_conntrack
else
	modprobe nf_conntrack
	other=ct
fi
while read -r program way action; do
	case " ${CT_ONLY:-$program} " in
	*" $program "*) "use_$program" "$way" "$action" ;;
	esac </dev/null
done <<-'END'
	ufw legacy
	ufw nft
	firewalld nftables
	firewalld iptables
	libvirt legacy
	libvirt nft
	shorewall legacy
	shorewall nft
	fail2ban iptables-legacy iptables-multiport
	fail2ban iptables-nft iptables-multiport
	fail2ban nftables nftables-multiport
	wg_quick nft
	wg_quick iptables-legacy
	wg_quick iptables-nft
	lxc_net nft
	lxc_net iptables-legacy
	lxc_net iptables-nft
	docker legacy
	docker nft
END
check "$CT_TRACKER is what tracks" loaded "$CT_TRACKER"
check_fails "and not $other" loaded $other
