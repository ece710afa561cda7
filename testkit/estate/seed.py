#!/usr/bin/env python3
"""Makes the sample estate, the AWS account of the invented shop Fernhollow Outfitters, in an empty emulator.

usage: seed.py ENDPOINT CLOCK

CLOCK is the file that the emulator takes its time from (clock/sitecustomize.py). record.sh does all of it.
"""
import sys

import buckets
import compute
import data
import identity
import network
import serverless
from context import Estate


def main():
    estate = Estate(sys.argv[1], sys.argv[2])
    data.make_keys(estate)
    identity.make(estate)
    network.make(estate)
    buckets.make(estate)
    data.make_secrets(estate)
    data.make_databases(estate)
    compute.make(estate)
    serverless.make_functions(estate)
    serverless.make_trails(estate)
    network.log_traffic(estate)
    estate.days_ago(0)


if __name__ == "__main__":
    main()
