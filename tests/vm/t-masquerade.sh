#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Masquerading follows the interface: connections end when the address goes that
# they were given, or the interface, and no others do.
#
#	n1 ── veth1 ┐    ┌ veth2 ── n2, two networks
#	            └ n0 ┼ veth3 ── n3
#	                 └ veth4 ── n4, in a network without an address in n0
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

topology
namespace n3
namespace n4
link n3 veth n0 veth3
link n4 veth n0 veth4
address n0 veth2 10.0.22.254/24 fd00:22::fe/64
address n2 veth 10.0.22.1/24 fd00:22::1/64
address n0 veth3 10.0.3.254/24 fd00:3::fe/64
address n3 veth 10.0.3.1/24 fd00:3::1/64
address n4 veth 10.0.4.1/24
ip -n n3 route add default via 10.0.3.254
ip -n n3 route add default via fd00:3::fe
ip -n n4 route add default dev veth
ip -n n4 neigh add 10.0.4.254 dev veth nud permanent lladdr \
	"$(n0 cat /sys/class/net/veth4/address)"
ip -n n0 route add 10.0.4.0/24 dev veth4
# One address is at two places.
for n in 2 3; do
	address n$n lo 10.0.9.1/32 fd00:9::1/128
done
must_load
n0 stdbuf -oL conntrack -E -e DESTROY >"$TMP/ended" 2>&1 &

MAC=$(ip netns exec n4 cat /sys/class/net/veth/address) ENDED=$TMP/ended nat <<'END'
class Net:
    """Whom to ask in which network, and the router's address there."""
    def __init__(self, six):
        self.six, self.name = six, "ip6" if six else "ip"
        self.words = " over IPv6" if six else ""
        make = "fd00:%d::%s" if six else "10.0.%d.%s"
        self.host = {n: make % (n, 1) for n in (2, 22, 3, 4, 9)}
        self.router = {n: make % (n, "fe" if six else 254)
                       for n in (1, 2, 22, 3)}
        self.another = make % (2, "fd" if six else 253)
        self.length = 64 if six else 24

NETS = Net(False), Net(True)
for net in NETS:
    serve("n2", 7, *(net.host[n] for n in (2, 22, 9)))
    serve("n3", 7, *(net.host[n] for n in (3, 9)))
SNATED, PLAIN = 5003, 5004

def masquerade(net):
    rules(table(net.six, chain(
        "postrouting", f"th sport {SNATED} oifname veth2 snat to "
        f"{net.router[2]}", f"th sport {PLAIN} accept",
        "oifname { veth2, veth3, veth4 } masquerade")))

def ended(first=5000):
    """Source ports from @first on of all that ended since mark()."""
    with open(os.environ["ENDED"]) as f:
        f.seek(before)
        ports = re.findall(r"^.*?sport=(\d+)", f.read(), re.M)
    return {int(n) for n in ports if int(n) >= first}

def change(*command):
    done = run("ip", *command)
    if done.returncode:
        not_ok(" ".join(command), done.stderr)

def lose(net):
    change("addr", "del", "%s/%d" % (net.router[2], net.length), "dev", "veth2")

def give(net, *addresses):
    for a in addresses:
        # What is there already may stay.
        run("ip", "addr", "replace", "%s/%d" % (a, net.length), "dev", "veth2",
            *(["nodad"] if net.six else []))

before, marks = 0, 4000

def mark():
    """Later on nothing is told of that ended before."""
    global before, marks
    marks += 1

    def heard():
        ask("n1", NETS[0].host[2], 7, sport=marks)
        run("conntrack", "-D", "-p", "udp", "--sport", str(marks))
        return marks in ended(marks)

    check("who listens hears", until(heard))
    before = os.stat(os.environ["ENDED"]).st_size

def connections(net):
    """One each, by TCP and UDP, by the client's port."""
    masquerade(net)
    wanted = {5000: (2, net.router[2]), 5001: (22, net.router[22]),
              5002: (3, net.router[3]), SNATED: (2, net.router[2]),
              PLAIN: (2, None)}
    opened = []
    for sport, (n, host) in wanted.items():
        for kind in TCP_KIND, UDP_KIND:
            asker = Asker("n1", net.host[n], 7, kind, sport=sport)
            got = asker.ask()
            if not got or host not in (None, got.host):
                not_ok("a connection", (sport, n, got))
            opened.append(asker)
    return opened

def goes(net, name, action, wanted):
    """Does that, and of these ports all connections end, of others none."""
    opened = connections(net)
    mark()
    action()
    until(lambda: ended() >= wanted and not left() & wanted)
    equal("%s: who ends%s" % (name, net.words), ended(), wanted)
    equal("%s: who is left%s" % (name, net.words), left(),
          set(range(5000, 5005)) - wanted)
    return opened

def left():
    return {int(e.get("sport")) for kind in ("tcp", "udp")
            for e in entries(kind)}

def close(opened):
    for asker in opened:
        asker.close()

for net in NETS:
    opened = goes(net, "an address goes", lambda: lose(net), {5000})
    # What has no address of the router's there needs none, and works on.
    give(net, net.another)
    equal("another one is used" + net.words,
          ask("n1", net.host[2], 7, sport=5010),
          Told("n2", net.another, 5010))
    works = [a.ask().who for a in opened if a.port in (5001, 5002)]
    equal("others work on" + net.words, works, ["n2"] * 2 + ["n3"] * 2)
    close(opened)
    run("ip", "addr", "del", "%s/%d" % (net.another, net.length), "dev",
        "veth2")
    give(net, net.router[2])

    opened = goes(net, "the interface goes down",
                  lambda: change("link", "set", "veth2", "down"), {5000, 5001})
    change("link", "set", "veth2", "up")
    for n in NETS:
        give(n, n.router[2], n.router[22])
    close(opened)

    # A route that changes: what was masqueraded for another way begins anew.
    masquerade(net)
    mark()
    def route(n):
        change("route", "replace", net.host[9], "via", net.host[n])
    route(2)
    asker = Asker("n1", net.host[9], 7, sport=5020, wait=0.5)
    equal("by one way" + net.words, asker.ask(),
          Told("n2", net.router[2], 5020))
    route(3)
    # The first packet may be lost.
    equal("by another way, with the address there" + net.words,
          until(lambda: asker.ask()), Told("n3", net.router[3], 5020))
    check("the first connection ended" + net.words,
          until(lambda: ended() == {5020}), ended())
    asker.close()

# --- an interface without an address ---

net = NETS[0]
masquerade(net)
s = open_socket("n4", UDP_KIND, net.host[4], 7)
s.settimeout(10 * SLOW)
change("neigh", "replace", net.host[4], "dev", "veth4", "nud", "permanent",
       "lladdr", os.environ["MAC"])

def arrives(sport, word):
    asker = Asker("n1", net.host[4], 7, sport=sport)
    asker.socket.send(word)
    asker.close()

arrives(5030, b"first")
data, peer = s.recvfrom(100)
check("it borrows another one's address",
      data == b"first" and peer[0] in net.router.values(), (data, peer))
# Where no address is good for more than its own network there is none to borrow.
for line in json.loads(run("ip", "-j", "-4", "addr").stdout):
    for a in line["addr_info"]:
        if a["local"].startswith("10."):
            where = "%s/%d" % (a["local"], a["prefixlen"]), "dev", line["ifname"]
            change("addr", "del", *where)
            change("addr", "add", *where, "scope", "link")
change("route", "replace", "10.0.4.0/24", "dev", "veth4")
change("neigh", "replace", net.host[4], "dev", "veth4", "nud", "permanent",
       "lladdr", os.environ["MAC"])
masquerade(net)
arrives(5031, b"second")
arrives(PLAIN, b"third")
data, peer = s.recvfrom(100)
equal("without one to borrow it is dropped", (data, peer),
      (b"third", ("10.0.1.1", PLAIN)))
equal("and no connection", left(), {PLAIN})
END
