"""Train the pipeline that ``app.py`` serves, and write the files for the image: the model and the versions of packages.

Run it where sklip is installed with the extra ``tensorflow`` or ``jax``; the image needs neither.
"""

import argparse
from importlib.metadata import version
from pathlib import Path

import joblib
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklip import HKRClassifier

HERE = Path(__file__).parent

parser = argparse.ArgumentParser(description="Train a certified classifier of tumours, to be served.")
parser.add_argument("--output", metavar="FILE", type=Path, default=HERE / "model.joblib", help="where to write it")
parser.add_argument("--epochs", type=int, default=50, help="passes over the data (default: %(default)s)")
arguments = parser.parse_args()

data = load_breast_cancer()
X, X_test, y, y_test = train_test_split(
    data.data, data.target_names[data.target], stratify=data.target, test_size=0.25, random_state=0
)
model = make_pipeline(
    StandardScaler(), HKRClassifier(hidden_layer_sizes=(64, 32), epochs=arguments.epochs, random_state=0)
)
model.fit(X, y)
print(f"accuracy on {len(X_test)} test rows: {model.score(X_test, y_test):.4f}")

# The service uses no pandas, so the pipeline is fitted without names; they are stored next to it.
model.columns_ = list(map(str, data.feature_names))
joblib.dump(model, arguments.output)

# Pickles of scikit-learn need the version that wrote them.
needed = ("joblib", "numpy", "scikit-learn", "scipy")
constraints = arguments.output.with_name("constraints.txt")
constraints.write_text("".join(f"{name}=={version(name)}\n" for name in needed))
print(f"written: {arguments.output}, {constraints}")
