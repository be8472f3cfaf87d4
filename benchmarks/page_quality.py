"""From the JSON of a benchmark of quality to the texts of the page, by the name of their placeholder."""

from statistics import fmean, median

from page_text import cells, judged, number, percent, rows, seconds, slug, spread


def _means(figures, names, labels, goals):
    """Rows of the means of some settings; the loss shall be low, the rest high."""
    lines = []
    for setting, label in labels.items():
        mean = figures[setting]["mean"]
        reached = {
            name: mean[name] <= goals[name] if name == "loss" else mean[name] >= goals[name]
            for name in names
            if name in goals
        }
        lines.append([label, *(judged(number(mean[name], 4), reached.get(name)) for name in names)])
    return rows(lines)


def two_moons(figures):
    """Rows of both activations."""
    labels = {"groupsort2": "sklip, GroupSort2", "fullsort": "sklip, FullSort"}
    goals = figures["goals"]
    return {
        "goal": cells([number(goals["loss"], 3), goals["accuracy"], ""]),
        "rows": _means(figures, ["loss", "accuracy", "certified at 0.2"], labels, goals),
    }


def mnist_0_8(figures):
    """Rows of both learning rates."""
    labels = {
        "learning_rate=0.01": "sklip, `learning_rate=0.01`",
        "learning_rate=0.001": "sklip, `learning_rate=0.001`, as in the demo",
    }
    goals = figures["goals"]
    return {
        "goal": cells([number(goals["loss"]), goals["accuracy"], goals["certified at 1.0"]]),
        "rows": _means(figures, ["loss", "accuracy", "certified at 1.0"], labels, goals),
    }


def _share_cells(run, radii, goals):
    """Percentages of a run: clean, then certified at some radii."""
    names = ["clean", *(f"certified at {radius}" for radius in radii)]
    return [judged(percent(run[name]), run[name] >= goals[name] if name in goals else None) for name in names]


def ten_classes(figures):
    """Cells of each setting, and of its goals."""
    texts = {}
    for name, radii in (
        ("mnist, wide margin", (0.3, 1.0, 1.58)),
        ("mnist, accurate", (0.3, 1.0, 1.58)),
        ("fashion_mnist", (0.1, 0.25, 0.5)),
    ):
        run, goals = figures[name]["runs"][0], figures[name]["goals"]
        names = ["clean", *(f"certified at {radius}" for radius in radii)]
        time = judged(f"{number(run['seconds'], 0)} s", run["seconds"] <= 600)
        texts[slug(name)] = cells([time, *_share_cells(run, radii, goals)])
        texts[f"{slug(name)}_goals"] = cells(
            ["600 s", *(f"{100 * goals[name]:.3g}" if name in goals else "" for name in names)]
        )
    return texts


def images(figures):
    """Rows of the networks of each data set, judged by the goals of Fashion-MNIST, and the goals."""
    goals, texts = figures["goals"]["fashion"], {}
    names = ("clean", *(f"certified at {radius}" for radius in (0.1, 0.25, 0.3, 0.5, 1.0)))
    for data in ("fashion", "0-8"):
        lines = []
        for name, setting in figures.items():
            if not name.startswith(data):
                continue
            run = setting["runs"][0]
            of_data = goals if data == "fashion" else {}
            if name == "0-8, ConvNet":
                of_data = {"certified at 1.0": figures["0-8, dense"]["runs"][0]["certified at 1.0"]}
            shares = [judged(percent(run[key]), run[key] >= of_data[key] if key in of_data else None) for key in names]
            time = f"{number(run['seconds'], 0)} s"
            lines.append([name.removeprefix(f"{data}, "), time, *shares])
        texts[slug(data)] = rows(lines)
    reached = [f"{100 * goals[key]:.3g}" if key in goals else "" for key in names]
    texts["goal"] = cells([f"{goals['seconds']} s", *reached])
    return texts


def attacked_images(figures):
    """Numbers of images, and of those inside their radius."""
    total = figures["total"]
    return {
        "images": f"{total['images']:,}",
        "networks": len({name.split(", ", 1)[1].rsplit(", ", 1)[0] for name in figures["cases"]}),
        "inside": judged(str(total["inside"]), total["inside"] <= figures["goal"]),
    }


def long_run_mnist(figures):
    """Cells of the run, and its length."""
    shares = _share_cells(figures, (0.3, 1.0, 1.58), {"certified at 1.58": 0.70})
    return {"seconds": number(figures["seconds"], 0), "cells": cells(shares)}


def lipschitz_mlp(figures):
    """Cells of the mean, of the worst data set and of breast_cancer."""
    ours, theirs = (figures["means"][name]["accuracy"] for name in ("LipschitzMLP", "MLPClassifier"))
    pairs = {name: [run[maker]["accuracy"] for maker in run] for name, run in figures["data"].items()}
    worst = min(pairs, key=lambda name: pairs[name][0] - pairs[name][1])
    cancer = figures["data"]["breast_cancer"]
    scores = [[cancer[maker][score] for score in ("log loss", "Brier")] for maker in ("LipschitzMLP", "MLPClassifier")]
    return {
        "mean": cells([judged(number(ours, 3), ours >= theirs - 0.005), number(theirs, 3)]),
        "worst": worst,
        "worst_cells": cells([
            judged(number(pairs[worst][0], 3), pairs[worst][0] >= pairs[worst][1] - 0.02), number(pairs[worst][1], 3),
        ]),
        "cancer": cells([
            ", ".join(judged(number(a, 3), a <= b) for a, b in zip(*scores, strict=True)),
            ", ".join(number(score, 3) for score in scores[1]),
        ]),
    }  # fmt: skip


def audit(figures):
    """Cells of each data set and of all."""

    def summed(runs):
        inputs, broken = (sum(run[name] for run in runs) for name in ("inputs", "broken"))
        return [f"{sum(run['rows'] for run in runs):,}", f"{inputs / 1e6:.1f} million", judged(broken, broken == 0)]

    data = dict.fromkeys(run["data"] for run in figures["runs"])
    texts = {slug(name): cells(summed([run for run in figures["runs"] if run["data"] == name])) for name in data}
    return {**texts, "all": cells(summed(figures["runs"])), "goal": figures["goal"]}


def fuzz(figures):
    """Rows of each kind of estimator and of all, and what rational arithmetic found."""
    names = {"alone": "a classifier, alone or behind steps", "frozen": "frozen", "search": "a search",
             "threshold": "a threshold", "calibrated": "Platt's sigmoid", "vote": "a vote"}  # fmt: skip

    def line(name, counts):
        inside = judged(counts["inside"], counts["inside"] == figures["goal"])
        return [name, *(f"{counts[of]:,}" for of in ("cases", "pairs", "refused")), inside]

    kinds = figures["by"]["estimator"]
    total = {of: sum(counts[of] for counts in kinds.values()) for of in ("cases", "pairs", "refused", "inside")}
    lines = [line(names.get(kind, kind), counts) for kind, counts in kinds.items()]
    return {"rows": rows([*lines, line("all", total)]), "faults": figures["faults"] or "none"}


def tightness(figures):
    """Cells of each setting, and of the goals."""
    goals = figures["goals for HKR of two classes"]
    texts = {"goals": cells(goals.values())}
    for name, run in figures.items():
        if "rows" in run:
            judge = goals if name in ("two moons, HKR", "MNIST 0-8, HKR") else {}
            texts[slug(name)] = cells([
                f"{run['rows']:,}",
                *(judged(number(run[of], 4), run[of] >= judge[of] if of in judge else None) for of in goals),
                number(run["mean"], 4),
            ])  # fmt: skip
    return texts


def question(figures):
    """Rows for the questions: tightness and radius of both estimators."""
    labels = {
        "classifier's space": "the classifier's own space, all columns free",
        "standard deviations, categories fixed": "standard deviations, categories held fixed",
        "tolerances, categories fixed": "tolerances of a user, categories held fixed",
        "tolerances, categories fixed, L-infinity": "the same in the L∞ norm",
        "raw units": "raw units, categories held fixed",
    }
    kinds = [figures[kind] for kind in ("LipschitzMLP", "HKRClassifier")]
    lines = [
        [label, *(number(kind["means"][name][of], 2) for kind in kinds for of in ("median", "median radius"))]
        for name, label in labels.items()
    ]
    return {"rows": rows(lines), "rows_of_each": figures["rows of each fit"], "seeds": len(kinds[0]["runs"])}


def trained_question(figures):
    """Rows for the questions of the training, the ratio of times, and rows for the candidates of each classifier."""
    kinds = {
        "L2, default": "L2", "Linf, default": "L∞",
        "L2, best margin": "L2, best of three margins", "Linf, best margin": "L∞, best of three margins",
    }  # fmt: skip
    lines = []
    for name, found in figures["sets"].items():
        means, goals = found["means"], figures["goals"][name]
        base, trained = means["L2, best margin"], means["Linf, best margin"]
        for kind, label in kinds.items():
            of = means[kind]
            reached = {
                "0.3": of["0.3"] >= base["0.3"] + goals["0.3"],
                "0.5": of["0.5"] >= base["0.5"] + goals["0.5"],
                "median": of["median"] >= goals["median"],
                "accuracy": of["accuracy"] >= base["accuracy"],
            }
            columns = [
                judged(number(of[of_], 3), reached.get(of_) if of is trained else None)
                for of_ in ("accuracy", "0.1", "0.2", "0.3", "0.5", "median")
            ]
            lines.append([name, label, *columns])
    ratios = {
        backend: spread(ratio, 2, reached=ratio["median"] <= 1.1) for backend, ratio in figures["fit ratio"].items()
    }
    broken = sum(one[kind]["broken"] for found in figures["sets"].values() for one in found["runs"] for kind in kinds)
    candidates = {
        slug(f"{kind} {norm}"): rows([[name, *(number(value, 3) for value in values)] for name, values in of.items()])
        for norm, of_kinds in figures["parameters"].items()
        for kind, of in of_kinds.items()
    }
    return {
        "rows": rows(lines), "seeds": figures["seeds"], "attacked": figures["attacked rows"], "broken": broken,
        "keras": ratios["keras"], "numpy": ratios["numpy"], **candidates,
    }  # fmt: skip


def column_selection(figures):
    """Rows for each data set, by model; the highest certified accuracy is bold."""
    lines = []
    for name, found in figures["sets"].items():
        means = found["means"]
        best = max(mean["certified"] for mean in means.values())
        for model, mean in means.items():
            of = number(mean["found"], 1) if "found" in mean else ""
            certified = number(mean["certified"], 3)
            certified = f"**{certified}**" if mean["certified"] == best else certified
            counts = [number(mean["columns"], 1), of, number(mean["zeros"], 1)]
            lines.append([name, model, *counts, number(mean["accuracy"], 3), certified])
    return {
        "rows": rows(lines), "seeds": figures["seeds"], "used": number(figures["used"], 2),
        "epsilon": number(figures["epsilon"], 1),
    }  # fmt: skip


def raw_units(figures):
    """Cells of each pipeline."""
    texts = {}
    for name, run in figures.items():
        radii = [f"{run[f'median {kind}']:.3g}" for kind in ("composed", "product")]
        ratio = f"{run['ratio']:.2f} ×"
        texts[slug(name)] = cells([*radii, f"**{ratio}**" if run["ratio"] > 1.02 else ratio])
    deviations = [run["median in standard deviations"] for name, run in figures.items() if "breast" in name]
    return {
        **texts,
        "deviations": " and ".join([", ".join(f"{value:.2f}" for value in deviations[:-1]), f"{deviations[-1]:.2f}"]),
    }


def certified_radius(figures):
    """Rows for the ways to ask for radii."""
    lines = []
    for name, label in (
        ("the method of the classifier", "the method of the classifier"),
        ("the function, on the classifier", "the function, on the classifier"),
        ("the function, on a pipeline", "the function, on a pipeline with a scaler"),
    ):
        ratios = [figures[f"{name}, {classes} classes"]["ratio"] for classes in (2, 10)]
        lines.append([label, *(spread(ratio, reached=ratio["median"] <= figures["goal"]) for ratio in ratios)])
    return {"goal": figures["goal"], "rows": rows(lines)}


def transport(figures):
    """Cells of each data set."""
    texts = {}
    for name, goal in figures["goals"].items():
        ratio = fmean(run["ratio"] for run in figures[name]["WassersteinEstimator()"])
        texts[slug(name)] = judged(number(ratio, 4), ratio >= goal)
        texts[f"{slug(name)}_goal"] = goal
    return texts


def grid_search(figures):
    """Cells of memory and of jobs."""
    memory, jobs = figures["memory"], figures["jobs"]
    most = max(memory["resident_mb"][10:]) - memory["resident_mb"][9]
    growth = judged(f"{number(memory['growth_mb'], 0)} MB", memory["growth_mb"] <= memory["goal_mb"])
    throughput = spread(jobs["throughput"], reached=jobs["throughput"]["median"] >= jobs["goal"])
    return {
        "memory": cells([f"{growth} (at most {number(most, 0)} MB in between)", f"{memory['goal_mb']} MB"]),
        "jobs": cells([throughput, jobs["goal"]]),
        "pairs": len(jobs["one_s"]),
        **{name: seconds({"median": median(jobs[f"{name}_s"])}) for name in ("one", "two")},
    }
