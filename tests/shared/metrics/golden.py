# Writes golden.json: metrics of small random cases as scikit-learn computes them.
# Made with Python 3.11, scikit-learn 1.9.1, numpy 2.4.6:
#   pip install scikit-learn==1.9.1 numpy==2.4.6 && python tests/shared/metrics/golden.py
import json
from pathlib import Path

import numpy as np
from sklearn import metrics as sk
from sklearn.calibration import _TemperatureScaling, calibration_curve

EPSILON = 1e-7  # keras.config.epsilon()
UNITS = 64  # probabilities are multiples of 1/64: exact in float32, with many ties


def mean_defined(values):
    values = [v for v in values if v is not None]
    return float(np.mean(values)) if values else None


def auc(t, p):
    return float(sk.roc_auc_score(t, p)) if 0 < t.sum() < len(t) else None


def ap(t, p):
    return float(sk.average_precision_score(t, p)) if t.sum() > 0 else None


BINS = 15


def confidence(p, t):
    """Calibration of multiclass answers: ECE, top-k accuracies and temperature."""
    truth, answer = t.argmax(1), p.argmax(1)
    sure, right = p.max(1), (truth == answer).astype(int)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure), minlength=BINS)
    accuracy, mean = calibration_curve(right, sure, n_bins=BINS)
    labels = list(range(t.shape[1]))
    # scikit-learn lets the last of equal scores win, permafrost the first.
    top = {k: float(sk.top_k_accuracy_score(labels[-1] - truth, p[:, ::-1], k=k, labels=labels)) for k in (2, 3, 5) if k < len(labels)}
    out = {"calibrationError": float((counts[counts > 0] * np.abs(accuracy - mean)).sum() / len(t)), "topK": top}
    if (p > 0).all() and set(truth) == set(labels):
        out["temperature"] = float(1 / _TemperatureScaling().fit(np.log(p), truth).beta_)
    return out


def sigmoid_temperature(p, t):
    """scikit-learn's temperature of many independent yes/no answers."""
    logits = np.log(p / (1 - p)).ravel()
    return float(1 / _TemperatureScaling().fit(np.stack([0 * logits, logits], 1), t.ravel()).beta_)


def best_f1(p, t):
    """The greatest F1 over all thresholds that leave some row unanswered; None with fewer than 5 rows of a kind."""
    best = []
    for c in range(t.shape[1]):
        precision, recall, _ = sk.precision_recall_curve(t[:, c], p[:, c]) if t[:, c].any() else ([], [], [])
        f1 = [2 * a * b / (a + b) for a, b in zip(precision[1:], recall[1:]) if a + b > 0]
        best.append(float(max(f1)) if min(t[:, c].sum(), len(t) - t[:, c].sum()) >= 5 else None)
    return best


def expected(task, p, t):
    columns = range(t.shape[1])
    if task == "multiclass":
        truth, answer = t.argmax(1), p.argmax(1)
        # keras.losses.categorical_crossentropy: scaled, clipped
        scaled = np.clip(p / p.sum(1, keepdims=True), EPSILON, 1 - EPSILON)
        out = {
            "loss": float(-np.log(scaled[np.arange(len(truth)), truth]).mean()),
            "balancedAccuracy": mean_defined([float((answer[truth == c] == c).mean()) if (truth == c).any() else None for c in columns]),
        }
        y, z = np.eye(t.shape[1], dtype=int)[truth], np.eye(t.shape[1], dtype=int)[answer]
        confusion = sk.confusion_matrix(truth, answer, labels=list(columns)).tolist()
    else:
        truth, answer = t, (p > 0.5).astype(int)
        clipped = np.clip(p, EPSILON, 1 - EPSILON)
        out = {
            "loss": float(-(t * np.log(clipped) + (1 - t) * np.log(1 - clipped)).mean()),
            "balancedAccuracy": mean_defined(
                [float(sk.balanced_accuracy_score(t[:, c], answer[:, c])) if 0 < t[:, c].sum() < len(t) else None for c in columns]
            ),
            "subsetAccuracy": float(sk.accuracy_score(truth, answer)),
            "binaryAccuracy": float((truth == answer).mean()),
        }
        y, z = truth, answer
        confusion = [sk.confusion_matrix(t[:, c], answer[:, c], labels=[0, 1]).tolist() for c in columns]
    out["accuracy"] = float(sk.accuracy_score(truth, answer))
    each = [sk.precision_recall_fscore_support(y[:, c], z[:, c], average="binary", zero_division=np.nan) for c in columns]
    precision, recall, f1 = ([None if np.isnan(scores[k]) else float(scores[k]) for scores in each] for k in range(3))
    out["f1Macro"], out["f1Micro"] = mean_defined(f1), float(sk.f1_score(y.ravel(), z.ravel()))
    if t.shape[1] > 1:  # scikit-learn reads a single column as two classes
        assert np.isclose(out["f1Macro"], sk.f1_score(truth, answer, average="macro", zero_division=np.nan))
        assert np.isclose(out["f1Micro"], sk.f1_score(truth, answer, average="micro"))
    aucs, aps = [auc(t[:, c], p[:, c]) for c in columns], [ap(t[:, c], p[:, c]) for c in columns]
    out["auc"], out["mAP"] = mean_defined(aucs), mean_defined(aps)
    return {
        "metrics": out,
        "perClass": {
            "precision": precision, "recall": recall, "f1": f1,
            "support": [int(s) for s in t.sum(0)], "averagePrecision": aps, "auc": aucs,
        },
        "confusion": confusion,
        **({"confidence": confidence(p, t)} if task == "multiclass" else {"bestF1": best_f1(p, t)}),
    }


def case(rng, name, task, rows, classes, frequency=None):
    if task == "multiclass":
        truth = rng.choice(classes, size=rows, p=frequency)
        t = np.eye(classes, dtype=int)[truth]
        tilt = rng.dirichlet(np.ones(classes), rows) + 0.4 * t
        units = np.stack([rng.multinomial(UNITS, row / row.sum()) for row in tilt])
    else:
        t = (rng.random((rows, classes)) < np.array(frequency)).astype(int)
        units = np.clip(rng.integers(0, UNITS + 1, (rows, classes)) + 16 * (2 * t - 1), 0, UNITS)
    return {"name": name, "task": task, "rows": rows, "classes": classes, "units": units.ravel().tolist(),
            "targets": t.ravel().tolist(), **expected(task, units / UNITS, t)}


rng = np.random.default_rng(3)
cases = [
    case(rng, "three classes", "multiclass", 60, 3),
    case(rng, "two classes", "multiclass", 41, 2),
    case(rng, "a class that is absent", "multiclass", 30, 4, [0.5, 0.3, 0.2, 0.0]),
    case(rng, "many classes, few rows", "multiclass", 12, 9),
    case(rng, "five labels", "multilabel", 80, 5, [0.5, 0.3, 0.2, 0.6, 0.4]),
    case(rng, "a label that none has and one that all have", "multilabel", 40, 4, [0.5, 0.0, 1.0, 0.2]),
    case(rng, "rare labels", "multilabel", 25, 6, [0.05, 0.05, 0.05, 0.05, 0.4, 0.04]),
    case(rng, "one label", "multilabel", 20, 1, [0.4]),
]
single = case(rng, "a label with a single positive", "multilabel", 15, 2, [0.0, 0.5])
single_targets = np.array(single["targets"]).reshape(15, 2)
single_targets[6, 0] = 1
single.update(targets=single_targets.ravel().tolist(),
              **expected("multilabel", np.array(single["units"]).reshape(15, 2) / UNITS, single_targets))
cases.append(single)
# Of an overconfident and a hesitant head, no probability 0 or 1.
temperatures = []
for tilt in (0.5, 3.0):
    truth = rng.integers(0, 4, 60)
    logits = rng.normal(size=(60, 4)) + 1.2 * np.eye(4)[truth]
    p = np.float32(np.exp(logits * tilt) / np.exp(logits * tilt).sum(1, keepdims=True))
    q = np.float32(1 / (1 + np.exp(-tilt * logits)))
    t = np.eye(4, dtype=int)[truth]
    temperatures.append({
        "classes": 4, "targets": t.ravel().tolist(),
        "softmax": {"probabilities": p.ravel().tolist(), "temperature": confidence(p.astype(float), t)["temperature"]},
        "sigmoid": {"probabilities": q.ravel().tolist(), "temperature": sigmoid_temperature(q.astype(float), t)},
    })
Path(__file__).with_name("golden.json").write_text(json.dumps({"units": UNITS, "cases": cases, "temperatures": temperatures}) + "\n")
