"""What a scan costs: processor time, memory and wall time for estates of several sizes; prints and judges nothing.

The processor time is that of our program alone, from the kernel's account of the child; the emulator's own stands beside it.

    $HOME/.cache/aws-lab/venv/bin/python measure.py --skywarden PATH [--port 5705] [--scales 1,6,28] [--runs 3]

The wall time is mostly the emulator's own. Scale 1 is about 360 resources of all services, 6 about 2,000, 28 about 9,200
planted; what the emulator makes beside them is found too.
"""

import os

from lab import CACHE, Lab, Program, arguments, table


def cpu_of_emulator(port):
    """Seconds of processor time that the emulator has used so far."""
    pid = (CACHE / f"{port}.pid").read_text().strip()
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--scales", help="several scales, a fresh lab for each; --scale alone if absent")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for scale in [int(text) for text in (options.scales or str(options.scale)).split(",")]:
        options.scale = scale
        with Lab(options) as lab:
            program = Program(options.skywarden, lab)
            for n in range(options.runs):
                lab.forget_calls()
                before = cpu_of_emulator(lab.port)
                run = program.scan()
                emulator, calls = cpu_of_emulator(lab.port) - before, lab.calls()
                n_resources = len(run.resources)
                rows.append([
                    scale, n + 1, n_resources, len(calls), f"{len(calls) / max(n_resources, 1):.2f}", f"{run.cpu:.2f}",
                    f"{run.cpu * 1000 / max(n_resources, 1):.2f}", f"{run.peak_mb:.0f}", f"{run.seconds:.1f}", f"{emulator:.1f}",
                ])  # fmt: skip
    table(["scale", "run", "resources", "calls", "calls/resource", "CPU s", "CPU ms/resource", "peak MB", "wall s", "emulator CPU s"], rows)
    print("0 passed, 0 failed")


if __name__ == "__main__":
    main()
