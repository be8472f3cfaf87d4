"""Predictions and their certificates over HTTP: ``uvicorn app:app``. Needs no TensorFlow.

``MODEL_FILE`` names the model that ``train.py`` wrote; without it, ``model.joblib`` next to this file.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

import sklip

# Read once, before the first request: a process whose file is damaged does not start.
model = sklip.load(os.environ.get("MODEL_FILE", Path(__file__).with_name("model.joblib")))
columns = model.columns_
app = FastAPI(title="Certified predictions", version=sklip.__version__, max_body_size=1 << 24)  # 16 MB: 10,000 rows

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]  # strict: no text, no booleans
NORMS = {"1": 1, "2": 2, "inf": np.inf}


class Rows(BaseModel):
    """A request: rows by the names of their columns, and the units of distances."""

    model_config = ConfigDict(extra="forbid")

    rows: list[dict[str, Number]] = Field(min_length=1, max_length=10_000)
    norm: Literal["1", "2", "inf"] = "2"
    tolerances: dict[str, Number] | None = Field(
        default=None, description="One for each column that may move; others are held fixed. Radii are in these units."
    )


class Prediction(BaseModel):
    """The prediction for a row, and how far the row may move before it can change."""

    label: str
    score: float
    radius: float


class Answer(BaseModel):
    """One prediction for each row, in their order."""

    predictions: list[Prediction]
    fixed_columns: list[str]


class Health(BaseModel):
    """What is served."""

    sklip: str
    classes: list[str]
    columns: list[str]


@app.get("/health")
def health() -> Health:
    """Report that the process serves, and its model."""
    return Health(sklip=sklip.__version__, classes=list(map(str, model.classes_)), columns=columns)


# Not async: the server runs it in a thread and answers other requests meanwhile. Nothing writes to the model.
@app.post("/predict")
def predict(asked: Rows) -> Answer:
    """Predict rows, with radii that are true for exactly the numbers in the request.

    Python writes a float64 to JSON with enough digits to distinguish it from all others, and reads digits as the
    nearest float64. So the certified row is the one that was sent, and the radius that arrives is the proven one.
    """
    X = np.array([in_order(row, f"row {position}") for position, row in enumerate(asked.rows)])
    scale = None if asked.tolerances is None else [asked.tolerances.get(name, 0.0) for name in columns]
    refuse_unknown(asked.tolerances or {}, "tolerances")
    try:
        radii = sklip.certified_radius(model, X, norm=NORMS[asked.norm], tolerances=scale)
        labels, scores = model.predict(X), model.decision_function(X)
    except ValueError as error:  # numbers that the pipeline does not accept, tolerances that make no sense
        raise HTTPException(422, str(error)) from error
    predictions = [
        Prediction(label=str(label), score=score, radius=radius)
        for label, score, radius in zip(labels, scores, radii, strict=True)
    ]
    return Answer(predictions=predictions, fixed_columns=[columns[j] for j in radii.fixed_columns])


def in_order(row, where):
    """The numbers of a row in the order of the columns."""
    refuse_unknown(row, where)
    missing = [name for name in columns if name not in row]
    if missing:
        raise HTTPException(422, f"{where} lacks {missing}. Give all {len(columns)} columns; GET /health names them.")
    return [row[name] for name in columns]


def refuse_unknown(given, where):
    """Refuse names that are not columns."""
    unknown = [name for name in given if name not in columns]
    if unknown:
        named = in_short(str(unknown))
        raise HTTPException(422, f"{where} names {named}, which the model does not have; GET /health names its own.")


@app.exception_handler(RequestValidationError)
async def say_what_is_wrong(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer 422, one sentence for each of the first faults, without the input, because JSON cannot hold NaN."""
    return JSONResponse({"detail": "; ".join(map(sentence, error.errors()[:5]))}, status_code=422)


def sentence(fault):
    """Say where a request is wrong, and how."""
    if fault["type"] == "json_invalid":
        return f"The body is no JSON: {fault['ctx']['error']}"
    return f"{in_short('.'.join(map(str, fault['loc'][1:]))) or 'body'}: {fault['msg']}"


def in_short(names):
    """Return names from a request, cut to a length for an answer."""
    return names if len(names) <= 200 else names[:200] + "…"
