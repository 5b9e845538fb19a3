"""What the tests of the Python package share: a watchdog, and a cluster of their own for each class."""
import faulthandler
import os
import unittest

import orrery

WATCHDOG_SECONDS = int(os.environ.get("ORRERY_TEST_WATCHDOG", "150"))


class ClusterTest(unittest.TestCase):
    """A class of tests on a cluster of one node, which ends with them. A test that hangs (or the begin or the end of the
    cluster) ends the process with the stacks of all threads."""

    CPUS = 2

    @classmethod
    def setUpClass(cls):
        faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
        orrery.init(address="local", num_cpus=cls.CPUS, log_to_driver=False)

    def setUp(self):
        faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)  # from here on anew

    @classmethod
    def tearDownClass(cls):
        orrery.shutdown()
        faulthandler.cancel_dump_traceback_later()
