"""What a lie is, and the list of them: each a name, what it says instead of the truth, and what may be asked of the program then."""

LIES = {}


class Lie:
    def __init__(self, tell, name, stores, **traits):
        self.tell, self.name, self.stores = tell, name, stores
        # Told before a request is read; before its body is.
        self.raw = traits.pop("raw", False)
        self.before_body = traits.pop("before_body", False)
        # Whether trouble must be told; `None`: it may be.
        self.told = traits.pop("told", True)
        # Whether a person may be needed afterwards, as where a store holds something else under our name.
        self.held = traits.pop("held", False)
        # A log so large that its batch goes in parts.
        self.big = traits.pop("big", False)
        # The server speaks TLS when it tells the truth.
        self.tls = traits.pop("tls", False)
        # Seconds for which the lie is told.
        self.lasts = traits.pop("lasts", 4)
        # Whether a body without end comes: then the program may be busy with it.
        self.busy = traits.pop("busy", False)
        # Names of objects that the server has beside good.csv and that may be handed over.
        self.extra = traits.pop("extra", False)
        # The server has asked for a long pause: a person may cut it short.
        self.slow = traits.pop("slow", False)
        # Needs a small disk of its own.
        self.disk = traits.pop("disk", False)
        # Told to an agent that has seen the truth before.
        self.later = traits.pop("later", False)
        # Told to an agent that is running already.
        self.running = traits.pop("running", False)
        # So much work that it is done where it is asked for by its name alone.
        self.costly = traits.pop("costly", False)
        # The feed deletes what it has fetched; and so often it must come, where a newer one took its place.
        self.deletes = traits.pop("deletes", False)
        self.times = traits.pop("times", 0)
        assert not traits, traits


def lie(name, stores=("s3", "azblob"), **traits):
    def keep(tell):
        for store in stores:
            assert (store, name) not in LIES, name
            LIES[store, name] = Lie(tell, name, stores, **traits)
        return tell
    return keep
