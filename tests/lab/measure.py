"""What a scan costs: processor time, memory and wall time for estates of several sizes; prints and judges nothing.

The processor time is that of our program alone (the emulator is another process), from the kernel's account of the child.

    $HOME/.cache/aws-lab/venv/bin/python measure.py --skywarden PATH [--port 5705] [--scales 1,6,28] [--runs 3]

The wall time is mostly the emulator's own. Scale 1 is about 360 resources of all services, 6 about 2,000, 28 about 9,200; we support a part of the types.
"""

from lab import Lab, Program, arguments, table


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
                run = program.scan()
                calls = lab.calls()
                n_resources = len(run.resources)
                rows.append([
                    scale, n + 1, n_resources, len(calls), f"{run.cpu:.2f}", f"{run.cpu * 1000 / max(n_resources, 1):.2f}",
                    f"{run.peak_mb:.0f}", f"{run.seconds:.1f}",
                ])  # fmt: skip
    table(["scale", "run", "resources", "calls", "CPU s", "CPU ms/resource", "peak MB", "wall s"], rows)
    print("0 passed, 0 failed")


if __name__ == "__main__":
    main()
