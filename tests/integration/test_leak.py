"""Nothing of a client that was killed is left for the next one: leak.py, in its short form."""

import os

import pytest

import leak
from servers import Weir


def hunt(primary, folder, handovers, seed):
    primary.sql("DO $$ BEGIN END $$")
    if not primary.sql(f"SELECT 1 FROM pg_database WHERE datname = '{leak.DATABASE}'"):
        leak.prepare(primary)
    pooler = Weir(folder / f"leak-{handovers}-{seed}", leak.settings(primary)).start()
    try:
        done = leak.Hunt(pooler.port, leak.DATABASE, seed).run(handovers)
        assert not pooler.bugs(), pooler.bugs()
        print(done.summary())
        # A pooler that throws every server away leaks nothing either; most hand-overs must be real ones.
        assert done.same > 0.5 * handovers, done.summary()
    finally:
        pooler.stop()


@pytest.mark.short
def test_a_killed_client_leaves_nothing_in_a_few_hand_overs(primary, folder):
    hunt(primary, folder, 200, seed=1)


@pytest.mark.slow
def test_a_killed_client_leaves_nothing(primary, folder):
    hunt(primary, folder, int(os.environ.get("LEAK_HANDOVERS", "2000")), seed=int(os.environ.get("LEAK_SEED", "20")))
