"""The benchmark: measure, peers, scenarios, growth, report, plots. `loadtests/run` is its entry."""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))  # the gateway and the servers as the tests start them
