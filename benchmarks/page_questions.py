"""From the JSON of the benchmarks of trained questions to the texts of the page, by the name of their placeholder."""

from statistics import fmean, stdev

from page_text import judged, number, percent, rows, slug

NORMS = {"L1": "L1", "L2": "L2", "Linf": "L∞"}


def _points(value, decimals=1):
    """A difference of shares in points, with its sign."""
    return ("+" if value >= 0 else "") + number(100 * value, decimals)


def _gain(values):
    """Mean of some differences in points, and its standard error."""
    return f"{_points(fmean(values))} ± {number(100 * stdev(values) / len(values) ** 0.5, 1)}"


def tightness_by_norm(figures):
    """Rows of both norms, and of the tables with several clusters."""
    texts = {"seeds": figures["seeds"], "attacked": figures["attacked rows"]}
    runs = []
    for norm, sets in figures["sets"].items():
        lines = []
        for name, found in sets.items():
            goal = figures["goals"][norm].get(name)
            for kind, mean in found["means"].items():
                trained, margin = kind.split(", ")
                reached = mean["median"] >= goal if goal and trained == norm else None
                shares = " / ".join(number(share, 3) for share in mean["certified"].values())
                median, slope = judged(number(mean["median"], 3), reached), number(mean["slope"], 3)
                lines.append([name, f"{NORMS[trained]}, {margin}", number(mean["accuracy"], 3), shares, median, slope])
            runs += found["runs"]
        texts[slug(norm)] = rows(lines)
    lines = []
    for norm, of_clusters in figures["clusters"].items():
        for clusters, found in of_clusters.items():
            for margin, mean in found["means"].items():
                values = (number(mean[of], 3) for of in ("accuracy", "median", "slope"))
                lines.append([NORMS[norm], clusters, margin, *values])
            runs += found["runs"]
    broken = sum(one["broken"] for run in runs for one in run.values())
    return {**texts, "clusters": rows(lines), "broken": broken}


def accuracy_by_norm(figures):
    """Rows of the candidates: accuracy by data set, and certified accuracy in the mean, as differences to L2."""
    sets = [name for name in figures["differences"]["default"] if name != "mean"]
    lines = []
    for candidate, of_sets in figures["differences"].items():
        if candidate == "L2":
            continue
        gains = [
            f"{_points(of['difference']['accuracy'], 2)} ± {percent(of['standard error']['accuracy'])}"
            for of in (of_sets[name] for name in ("mean", *sets))
        ]
        certified = [_points(of_sets["mean"]["difference"][each]) for each in ("0.1", "0.3", "0.5")]
        lines.append([candidate, *certified, *gains])
    return {"rows": rows(lines), "sets": " | ".join(sets), "rule": "---|" * len(sets), "seeds": figures["seeds"]}


def published_tables(figures):
    """Rows of the data sets and splits."""
    labels = {
        "larger class": "always the larger class", "linear": "linear, trained at ε",
        "linear, chosen": "linear, the best of three", "HKRClassifier": "`HKRClassifier`",
        "LipschitzMLP": "`LipschitzMLP`",
    }  # fmt: skip
    lines = []
    for one in figures["tables"]:
        linear = min(("linear", "linear, chosen"), key=lambda kind: one["means"][kind]["certified error"])
        head = [one["data"], one["epsilon"], one["split"]]
        for kind, mean in one["means"].items():
            shown, to_linear = number(100 * mean["certified error"], 1), ""
            if kind.startswith(("HKR", "Lipschitz")):
                gains = [run[kind]["certified error"] - run[linear]["certified error"] for run in one["runs"]]
                noise = 2 * stdev(gains) / len(gains) ** 0.5
                judge = one["split"] == "random" and abs(fmean(gains)) > noise
                shown, to_linear = judged(shown, fmean(gains) < 0 if judge else None), _gain(gains)
            lines.append([*head, labels[kind], number(100 * mean["error"], 1), shown, to_linear])
        if one["split"] == "published":
            error, certified = figures["trees"][one["data"]]
            lines.append([*head, "robust boosted trees, as published", error, certified, ""])
    return {"rows": rows(lines), "seeds": figures["seeds"]}


def attacked_questions(figures):
    """Rows of the forms and of the questions, and the totals."""
    lines, totals = [], {}
    for key, counts in figures["kinds"].items():
        form, norm, trained, asked = key.split(" | ")
        groups = {
            "form": form,
            "norm": norm,
            "tolerances of the training": trained,
            "tolerances of the question": asked,
        }
        for group in groups.items():
            total = totals.setdefault(group, dict.fromkeys(counts, 0))
            for of, count in counts.items():
                total[of] += count
    for (group, name), total in sorted(totals.items()):
        counts = [number(total[of], 0) for of in ("cases", "rows", "inputs")]
        lines.append([group, name, *counts, judged(number(total["broken"], 0), total["broken"] == 0)])
    inside = judged(number(figures["broken"], 0), figures["broken"] == 0)
    return {"rows": rows(lines), "attacked": number(figures["rows"], 0), "inside": inside}


def fixed_columns(figures):
    """Rows of both estimators, both norms and both trainings."""
    lines = []
    for found in figures["kinds"]:
        for training, mean in found["means"].items():
            columns, label = training.split(", ")
            ours, before = columns == "categories fixed", found["means"][f"all columns, {label}"]
            accuracy = judged(number(mean["accuracy"], 3), mean["accuracy"] > before["accuracy"] if ours else None)
            median = judged(number(mean["median"], 3), mean["median"] >= figures["goal"] if ours else None)
            certified = [number(mean[each], 3) for each in ("0.1", "0.2", "0.3", "0.5")]
            head = [found["table"], f"`{found['estimator']}`", NORMS[found["norm"]]]
            lines.append([*head, training, accuracy, *certified, median])
    return {"rows": rows(lines), "seeds": figures["seeds"], "goal": figures["goal"]}


def monotone(figures):
    """Rows of the accuracies, with their mean, and the counts of pairs."""
    kinds = ("HistGradientBoosting", "LipschitzMLP", "HKRClassifier")
    lines, columns, differences = [], [], []
    for name, runs in figures["sets"].items():
        values = [[run[kind]["accuracy"] for run in runs] for kind in kinds]
        columns.append([fmean(each) for each in values])
        gains = [[ours - trees for ours, trees in zip(each, values[0], strict=True)] for each in values[1:]]
        differences.append(gains)
        shown = (f"{percent(mean)} ({_gain(gain)})" for mean, gain in zip(columns[-1][1:], gains, strict=True))
        lines.append([name, percent(columns[-1][0]), *shown])
    trees, *ours = (fmean(column) for column in zip(*columns, strict=True))
    over_sets = [[fmean(each) for each in zip(*of_kind, strict=True)] for of_kind in zip(*differences, strict=True)]
    shown = (
        f"{judged(percent(mean), mean >= trees - figures['goal'])} ({_gain(gain)})"
        for mean, gain in zip(ours, over_sets, strict=True)
    )
    lines.append(["mean", percent(trees), *shown])
    pairs = [
        [name, *(number(each[of], 0) for of in ("pairs", "falls")), judged(each["violations"], each["violations"] == 0)]
        for name, each in figures["pairs"].items()
    ]
    total = number(sum(each["pairs"] for each in figures["pairs"].values()), 0)
    return {"rows": rows(lines), "pairs": rows(pairs), "total": total, "splits": figures["splits"]}


def conformal(figures):
    """Rows of the data sets: coverage and size for clean and attacked rows, of sets of radius 0 and of the radius."""
    lines = []
    for name, cases in figures["figures"].items():
        goal = 1 - figures["alpha"]["MNIST" if name == "MNIST" else "numbers"]
        for case, of in cases.items():
            if not case.startswith("radius"):
                continue
            judges = "attacked" in case and not case.startswith("radius 0,")
            kept = of["coverage"] >= goal - 3 * of["standard error"] if judges else None
            coverage = f"{judged(percent(of['coverage']), kept)} ± {percent(of['standard error'])}"
            small = of["size"] <= figures["largest"] if judges and name == "MNIST" else None
            lines.append([name, case, coverage, judged(number(of["size"], 3), small)])
    texts = {"alpha_mnist": figures["alpha"]["MNIST"], "alpha": figures["alpha"]["numbers"]}
    accuracy = percent(figures["figures"]["MNIST"]["accuracy"])
    radius = " and ".join(f"{radius} ({name})" for name, radius in figures["radius"].items())
    others = {"splits": number(figures["splits"], 0), "radius": radius, "largest": figures["largest"]}
    return {"rows": rows(lines), "accuracy": accuracy, **texts, **others}
