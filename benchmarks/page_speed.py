"""From the JSON of a benchmark of speed or memory to the texts of the page, by the name of their placeholder."""

from statistics import median

from page_text import cells, judged, number, percent, rows, seconds, spread

LIBRARIES = {"sklip": "sklip", "deel-lip": "deel-lip 1.5", "torchlip": "deel-torchlip 1.0.5"}


def _times(runs):
    """Medians of the times of some runs, in a line."""
    return "; ".join(f"{name}: {seconds(run)}" for name, run in runs.items())


def fit_against_deel_lip(figures):
    """Rows of the calls, and of what they reached."""

    def ratio(entry, library):
        if library not in entry["ratio"]:
            return ""
        found = entry["ratio"][library]
        return spread(found, reached=found["median"] >= entry["goal"] if library == "deel-lip" else None)

    calls = [
        [
            name,
            *(
                seconds({"median": median(entry["seconds"][library])}) if library in entry["seconds"] else ""
                for library in LIBRARIES
            ),
            ratio(entry, "deel-lip"),
            number(entry["goal"], 0),
            ratio(entry, "torchlip"),
        ]
        for name, entry in figures["calls"].items()
    ]
    quality = [
        [name, LIBRARIES[library], *(number(median(run[figure]), 4) for figure in ("loss", "accuracy"))]
        for name, libraries in figures["quality"].items()
        for library, run in libraries.items()
    ]
    return {"turns": figures["turns"], "calls": rows(calls), "quality": rows(quality)}


def step(figures):
    """Rows of the ratios, and of the times behind them."""
    lines = []
    for name, entry in figures["ratios"].items():
        goal = figures["goals"].get(name)
        ratio = entry["ratio"]
        reached = None if goal is None else ratio["median"] <= goal
        lines.append([entry["what"], spread(ratio, reached=reached), "" if goal is None else f"{goal:g}"])
    names = {
        "two moons": "a step of two moons", "two moons, whole fit": "a whole fit of two moons over its steps",
        "wide": "a step of {width}×{depth}".format(**figures["settings"]),
        "later fit": "a later fit of 500 rows",
    }  # fmt: skip
    times = [[names[what], _times(runs)] for what, runs in figures["seconds"].items()]
    return {"turns": figures["turns"], "ratios": rows(lines), "times": rows(times)}


def convolution(figures):
    """Rows of the ratios, and of the times behind them."""
    goals = figures["goals"]
    lines = [
        [name, spread(ratio, reached=ratio["median"] <= goals[name]), f"{goals[name]:g}"]
        for name, ratio in figures["ratios"].items()
    ]
    return {"turns": figures["turns"], "ratios": rows(lines), "times": _times(figures["seconds"])}


def growth(figures):
    """Rows of the axes."""
    lines = []
    for axis, entry in figures["axes"].items():
        goal, exponent = entry["goal"], entry["exponent"]
        reached = None if goal is None else exponent["median"] <= goal
        lines.append([
            axis, f"{entry['sizes'][0]:,} to {entry['sizes'][-1]:,}",
            *(f"{seconds(entry[name][0])} to {seconds(entry[name][-1])}" for name in ("seconds", "constant")),
            spread(exponent, 3, reached), number(entry["exponent with constants"], 3),
            number(entry["last doubling"], 2), "" if goal is None else goal,
        ])  # fmt: skip
    return {"turns": figures["turns"], "rows": rows(lines), "depth_width": figures["depth_width"]}


def out_of_core(figures):
    """Rows of the peaks of memory and of the times."""
    goal = figures["goal_mb"]
    lines = [
        [
            f"`{how}`",
            judged(f"{number(run['peak_mb'], 0)} MB", run["peak_mb"] <= goal), f"{number(goal, 0)} MB",
            f"{number(run['before_mb'], 0)} MB",
            *(seconds({"median": run[name]}) for name in ("seconds", "reading_seconds")),
        ]
        for how, run in figures["runs"].items()
    ]  # fmt: skip
    return {
        "rows": rows(lines), "parts": figures["parts"], "widths": "-".join(map(str, figures["widths"])),
        "size": f"{figures['file_gb']:g} GB", "shape": f"{figures['rows']:,} × {figures['features']:,}",
    }  # fmt: skip


def search(figures):
    """Rows of the ratios with XLA and by default, and the times."""
    lines = []
    for setting, label in (("XLA", "`jit_compile=True`"), ("default", "the default")):
        for name, ratio in figures["ratios"][setting].items():
            goal = figures["goals"][name]
            reached = ratio["median"] >= goal if name.startswith("SciKeras") else ratio["median"] <= goal
            lines.append([name, label, spread(ratio, reached=reached), f"{'≥' if goal > 2 else '≤'} {goal:g}"])
    counts = {"candidates": figures["candidates"], "scikeras_candidates": figures["SciKeras candidates"]}
    return {"turns": figures["turns"], "rows": rows(lines), "times": _times(figures["seconds"]), **counts}


def import_(figures):
    """Cells of the import and of the memory of a process that serves."""
    extra, memory = figures["extra_import_s"], figures["memory_mb"]
    served = memory["sklip"]["median"]
    return {
        "extra": cells([
            judged(f"{number(extra['median'])} s", extra["median"] <= figures["goal_s"]), f"{figures['goal_s']} s",
        ]),
        "served": cells([
            judged(f"{number(served, 0)} MB", served <= figures["memory_goal_mb"]), f"{figures['memory_goal_mb']} MB",
        ]),
        "base": f"{number(memory['sklearn.base']['median'], 0)} MB",
    }  # fmt: skip


def serving(figures):
    """Rows of the ratios of each part, and of the times behind them."""
    parts = {part: entry for part, entry in figures.items() if isinstance(entry, dict) and "ratios" in entry}
    lines = []
    for part, entry in parts.items():
        for name, ratio in entry["ratios"].items():
            goal = figures["goals"].get(name)
            at_least = name.startswith("SciKeras")  # its own time is above the line
            reached = goal and (ratio["median"] >= goal if at_least else ratio["median"] <= goal)
            shown = f"{'≥' if at_least else '≤'} {goal:g}" if goal else ""
            lines.append([part, name, spread(ratio, reached=reached), shown])
    times = [[part, _times(entry["seconds"])] for part, entry in parts.items()]
    return {"turns": figures["turns"], "ratios": rows(lines), "times": rows(times)}


def serving_memory(figures):
    """Rows of the memory of processes that load a model, and of time and memory against the rows of a file."""
    goals, exponent = figures["goals"], figures["exponent"]
    extra = []
    for name, megabytes in figures["extra_mb"].items():
        goal = goals["extra_mb"] if name.startswith("sklip") else None
        reached = None if goal is None else megabytes["median"] <= goal
        extra.append([name, spread(megabytes, 1, reached), "" if goal is None else f"{goal} MB"])
    served = [
        [
            name,
            seconds(run["seconds"]),
            f"{number(run['extra_mb']['median'], 0)} MB",
            f"{number(run['result_mb'], 0)} MB",
        ]
        for name, run in figures["served"].items()
    ]
    return {
        "turns": figures["turns"],
        "extra": rows(extra),
        "served": rows(served),
        "exponent": spread(exponent, 3, exponent["median"] <= goals["exponent"]),
        "exponent_goal": goals["exponent"],
    }


def fresh_process(figures):
    """Rows of the libraries."""
    lines = []
    for name, run in figures["seconds"].items():
        ratio, goal = figures["of MLPClassifier"][name], figures["goals"].get(name)
        reached = None if goal is None else ratio["median"] <= goal
        of_peer = "" if name == "MLPClassifier" else spread(ratio, reached=reached)
        lines.append([name, seconds(run), of_peer, "" if goal is None else f"{goal:g}"])
    return {"rows": rows(lines)}


def backends(figures):
    """Rows of the first and later fits, and those of the table."""
    goal, lines = figures["goals"]["JAX / TensorFlow"], []
    for name, entry in figures["cases"].items():
        jax = entry["of TensorFlow"]["JAX"]
        times = [seconds(entry["seconds"][backend]) for backend in ("TensorFlow", "JAX", "NumPy")]
        lines.append([name, *times, spread(jax, reached=jax["median"] <= goal), f"{goal:g}"])
    table = figures["table"]
    ratio, goal = table["auto / the better choice"], figures["goals"]["auto / the better choice"]
    return {
        "turns": figures["turns"], "rows": rows(lines), "table": _times(table["seconds"]),
        "auto": spread(ratio, reached=ratio["median"] <= goal), "auto_goal": f"{goal:g}",
    }  # fmt: skip


def retraction(figures):
    """Rows of the variants on each network."""
    lines = []
    for name, entry in figures.items():
        if isinstance(entry, dict):
            network, variant = name.rsplit(", ", 1) if not name.endswith("stacked") else name.split(", ", 1)
            lines.append([
                network, variant, seconds(entry["seconds of a step"]), spread(entry["ratio to branch"]),
                seconds({"median": entry["first call"]}), f"{entry['deviation']:.0e}",
            ])  # fmt: skip
    return {"rows": rows(lines)}


def gpu(figures):
    """Table of one backend."""
    shapes = {
        "dense": f"784-{figures['widths'][0]}×{len(figures['widths'])}-10",
        "ConvNet": f"`ConvNet`, 14² pixels, {figures['convolutions']} convolutions, {figures['channels']} channels",
    }
    lines = []
    for name, found in figures["epoch seconds"].items():
        kind, _, batch = name.partition(", ")
        lines.append([f"{shapes[kind]}, {batch}: an epoch of sklip", seconds(found["runs"]["sklip"]), ""])
        goals = figures["goals"]["epoch seconds"][name]
        for other, what in (
            ("Keras", "unconstrained Keras, by its `fit`"),
            ("compiled epoch", "unconstrained, in the same compiled epoch"),
        ):
            ratio, goal = found["ratios"][other], goals.get(other)
            reached = None if goal is None else ratio["median"] <= goal
            lines.append([f"sklip / {what}", spread(ratio, reached=reached), "" if goal is None else f"≤ {goal:g}"])
    for name, found in figures["records"].items():
        goals = figures["goals"]["records"][name]
        lines.append([f"{name}: `fit`, {found['epochs']} epochs", f"{number(found['seconds'], 0)} s", ""])
        shown = ["clean", *(f"certified at {radius}" for radius in (0.3, 1.0, 1.58))]
        clean, *certified = (
            judged(percent(found[figure]), found[figure] >= goals[figure] if figure in goals else None)
            for figure in shown
        )
        wanted = "; ".join(f"{figure} ≥ {percent(goals[figure])}" for figure in shown if figure in goals)
        lines.append(["accuracy; certified at 0.3, 1.0, 1.58", f"{clean}; {', '.join(certified)}", wanted])
    for name, found in figures["orthonormality"].items():
        what = (
            f"TF32 {name}: singular values of kernels after the steps of an epoch, at most so far beyond 1, short of 1"
        )
        lines.append([what, f"{found['greatest'] - 1:.1e}, {1 - found['least']:.1e}", ""])
        reached = f"{found['epoch seconds']:.3g} s; {percent(found['accuracy'])}"
        lines.append([f"TF32 {name}: an epoch; accuracy", reached, ""])
    return {"table": f"| {figures['device']}, {figures['backend']} | | goal |\n|---|---|---|\n{rows(lines)}"}
