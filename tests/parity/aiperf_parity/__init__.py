"""Replays recorded runs of AIPerf with aiperf-cpp and compares what both did.

Read in this order: `case` (a recording), `outcome` (what a run left), `findings` and `policy` (what differs and what
may), `compare` (all comparisons), `replay` (starting the programs).
"""
