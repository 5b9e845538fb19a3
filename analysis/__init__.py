"""Reads result folders of either world and turns them into pictures and one HTML report.

    python3 -m analysis RESULT_DIR [RESULT_DIR2 ...] [-o OUT] [--format png|svg]

load.py reads, metrics.py computes (numpy only, no drawing), plots.py and gantt.py draw, report.py writes the page.
Nothing here knows how a result was produced: it sees files only.
"""
