"""What the service promises about file systems that come and go under it."""

import time

from campaign import Broken, Site, check

SETTINGS = "/etc/navette/navette.yaml"
# Landing is a mount of its own, lies in one, and is none.
POINT, WITHIN, PLAIN = "/srv/point", "/srv/within", "/srv/plain"
FEEDS = f"""\
  point: {{ landing: {POINT}, handover: /srv/out/point, ready: {{ settle: 200ms }} }}
  within: {{ landing: {WITHIN}/landing, handover: /srv/out/within, ready: {{ settle: 200ms }} }}
  plain: {{ landing: {PLAIN}, handover: /srv/out/plain, ready: {{ settle: 200ms }} }}
"""
# Much less than the minute after which a lane looks by itself.
SOON = 10.0


def sees_what_goes_and_comes(site: Site) -> None:
    """What is unmounted or mounted on the host under a folder is noticed at once, told with what to do, and nothing is taken meanwhile"""
    before = site.must(f"cat {SETTINGS}")
    try:
        _mount(site, POINT)
        _mount(site, WITHIN)
        site.must(f"install -d -o campaign -g campaign -m 2770 {WITHIN}/landing {PLAIN} /srv/out /srv/out/point /srv/out/within /srv/out/plain")
        opened = [POINT, f"{WITHIN}/landing", PLAIN, "/srv/out"]
        site.drop_in("mounts", "[Service]\n" + "".join(f"ReadWritePaths=-{folder}\n" for folder in opened))
        site.configure(feeds=FEEDS)
        site.must("systemctl restart navette")
        for feed, folder in (("point", POINT), ("within", f"{WITHIN}/landing"), ("plain", PLAIN)):
            _carries(site, feed, folder, "first.csv")

        # The mount itself: it reaches the sandbox, and so does the next one.
        # What was taken is kept open for a while: the mount is busy.
        site.must(f"umount -l {POINT}")
        _stands(site, "point", f"mounted at {POINT} is gone")
        _mount(site, POINT)
        _goes_on(site, "point")
        _carries(site, "point", POINT, "second.csv")

        # Above the folder: the sandbox keeps what nobody else sees, and only a restart helps.
        site.must(f"umount {WITHIN}")
        _stands(site, "within", f"mounted at {WITHIN} is gone")
        check("systemctl restart navette" in site.events("lane_paused", NAVETTE_FEED="within")[-1]["MESSAGE"], site.recent())
        site.must(f"install -d -o campaign -g campaign -m 2770 {WITHIN}/landing")
        _drop(site, f"{WITHIN}/landing", "beneath.csv")
        _mount(site, WITHIN)
        site.must(f"install -d -o campaign -g campaign -m 2770 {WITHIN}/landing")
        _drop(site, f"{WITHIN}/landing", "later.csv")
        _carries(site, "plain", PLAIN, "beside.csv")
        check(site.run("test -e /srv/out/within/later.csv").code != 0 and "within" in site.must("navette status"), site.recent())
        site.must("systemctl restart navette")
        _handed_over(site, "within", "later.csv")

        # Over a folder.
        _mount(site, PLAIN)
        _stands(site, "plain", f"mounted at {PLAIN}")
        site.must(f"umount {PLAIN}")
        _goes_on(site, "plain")
        _carries(site, "plain", PLAIN, "third.csv")
    finally:
        _restore(site, before)


def binds_itself_to_mounts(site: Site) -> None:
    """With the lines that `navette check` prints for mounts, the service stops when one goes, and does not start without it"""
    before = site.must(f"cat {SETTINGS}")
    try:
        _mount(site, POINT)
        site.must("install -d -o campaign -g campaign -m 2770 /srv/out/point")
        site.configure(feeds=FEEDS.splitlines()[0])
        said = site.must("navette check")
        lines = [line.strip() for line in said.splitlines()]
        check(f"RequiresMountsFor={POINT}" in lines and "BindsTo=srv-point.mount" in lines, said)
        first = lines.index("[Unit]")
        site.drop_in("mounts", "\n".join(lines[first:first + 3]) + f"\n[Service]\nReadWritePaths=-{POINT}\nReadWritePaths=-/srv/out\n")
        site.must("systemctl restart navette")
        _carries(site, "point", POINT, "bound.csv")
        # Its service first, so that it is not busy.
        site.must("systemctl stop srv-point.mount")
        site.eventually("it stops", lambda: site.show("ActiveState") in ("inactive", "failed"))
        check(site.run("systemctl start navette").code != 0, site.recent())
        _mount(site, POINT)
        site.must("systemctl start navette")
        _carries(site, "point", POINT, "again.csv")
    finally:
        _restore(site, before)


def _mount(site: Site, point: str) -> None:
    site.must(f"mkdir -p {point} && mount -t tmpfs -o uid=$(id -u campaign),gid=$(id -g campaign),mode=2770 none {point}")


def _drop(site: Site, folder: str, name: str) -> None:
    site.must(f"printf 'email,segment\\n{name},s\\n' >{folder}/.{name} && chown campaign:campaign {folder}/.{name}"
              f" && chmod 660 {folder}/.{name} && mv {folder}/.{name} {folder}/{name}")


def _handed_over(site: Site, feed: str, name: str) -> None:
    path = f"/srv/out/{feed}/{name}"
    site.eventually(f"{name} is handed over", lambda: site.run(f"test -e {path}").code == 0)


def _carries(site: Site, feed: str, folder: str, name: str) -> None:
    _drop(site, folder, name)
    _handed_over(site, feed, name)


def _stands(site: Site, feed: str, why: str) -> None:
    started = time.monotonic()
    said = lambda: [event for event in site.events("lane_paused", NAVETTE_FEED=feed) if why in event["MESSAGE"]]
    site.eventually(f"the lane stands, because {why}", lambda: bool(said()), SOON)
    if time.monotonic() - started > SOON:
        raise Broken(f"told only after {time.monotonic() - started:.0f} s")


def _goes_on(site: Site, feed: str) -> None:
    count = len(site.events("lane_paused", NAVETTE_FEED=feed))
    # It tries again within 15 s by itself.
    site.eventually("the lane goes on", lambda: len(site.events("lane_resumed", NAVETTE_FEED=feed)) >= count, 30)


def _restore(site: Site, settings: str) -> None:
    site.run("systemctl stop navette; rm -f /etc/systemd/system/navette.service.d/mounts.conf; systemctl daemon-reload")
    for point in (POINT, WITHIN, PLAIN):
        site.run(f"while umount {point}; do :; done; rmdir {point} || rm -rf {point}")
    site.write(SETTINGS, settings)
    site.must("systemctl start navette")
