"""python serve_fastapi.py MODEL trains on iris and saves; python serve_fastapi.py MODEL PORT serves that, as the usual
tutorial has it: a class of the columns, a model from joblib, a frame of one row."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import joblib
import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

file = Path(sys.argv[1])
if len(sys.argv) == 2:
    frame = pd.read_csv(Path(__file__).parents[2] / "datasets" / "iris.csv")
    y = frame.pop("class")
    warnings.simplefilter("ignore")
    joblib.dump(make_pipeline(StandardScaler(), MLPClassifier((64,), random_state=0)).fit(frame, y), file)
    sys.exit()

app = FastAPI()
model = joblib.load(file)


class Row(BaseModel):
    sepal_length_cm: float
    sepal_width_cm: float
    petal_length_cm: float
    petal_width_cm: float


@app.post("/predict")
def predict(row: Row) -> dict[str, object]:
    probabilities = model.predict_proba(pd.DataFrame([row.model_dump()]))[0]
    shown = dict(zip(model.classes_, probabilities.tolist(), strict=True))
    return {"prediction": max(shown, key=lambda name: shown[name]), "probabilities": shown}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", http="httptools", loop="asyncio")
