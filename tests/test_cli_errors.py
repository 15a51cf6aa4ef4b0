# ruff: noqa: E501  (messages and their cases stand on one line each)
"""Every bad input ends in one line on stderr, the right exit code, nothing on stdout, and no file touched."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_errors import NO_MODEL, TWO, contents
from nncli.nn.activations import ACTIVATIONS
from nncli.nn.averages import AVERAGES
from nncli.nn.initializers import INITIALIZERS
from nncli.nn.losses import LOSSES
from nncli.nn.models import MODELS
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.schedules import SCHEDULES
from nncli.registry import Registry

RAGGED = "two.csv:9: expected 4 columns, found 5. Look for a missing or an unquoted ','."
pytestmark = pytest.mark.usefixtures("leaks_are_found_where_they_are_made")


def names(registry: Registry[Any], **having: object) -> str:
    """Those of a registry's components that have the given attributes."""
    return ", ".join(
        name for name, one in registry.items() if all(getattr(one, key) == value for key, value in having.items())
    )


@dataclass(frozen=True)
class Case:
    command: str
    code: int
    line: str
    files: dict[str, str | bytes] = field(default_factory=dict)


def idx(shape: tuple[int, ...], items: bytes) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + items


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


IMAGES, LABELS = "mnist/train-images-idx3-ubyte", "mnist/train-labels-idx1-ubyte"
NUMBER_REMEDY = "Add --missing {0}, read the column as text with --categorical a, or leave it out with --drop a."
CORRECT = "Correct it, or leave the cell empty."
WIDTHS = "--hidden: expected a width such as 64, or one for each layer such as 128x64"
PLANNED = names(SCHEDULES, needs_validation=False)
SHARE = "expected a share of the rows from 0 to below 1"

DATA = {
    "no such file": Case("train tow.csv", 1, "tow.csv: no such file. Did you mean 'two.csv'?"),
    "no such file to predict": Case("predict two.npz tow.csv", 1, "tow.csv: no such file. Did you mean 'two.csv'?"),
    "no such file to evaluate": Case("eval two.npz tow.csv", 1, "tow.csv: no such file. Did you mean 'two.csv'?"),
    "no such file, and another whose name ends so": Case("train date.csv", 1, "date.csv: no such file."),
    "no such file, with another ending": Case("train two.cvs", 1, "two.cvs: no such file. Did you mean 'two.csv'?"),
    "no such model, and another whose name ends so": Case("eval abc.npz", 1, "abc.npz: cannot read the model: No such file or directory. That folder has model.npz, three.npz, two.npz and 1 more."),
    "no such bundled set": Case("train irs", 1, "irs: no such file, and no bundled data set of that name. Did you mean 'iris'?"),
    "no such validation file": Case("train two.csv --val-data tow.csv", 1, "tow.csv: no such file. Did you mean 'two.csv'?"),
    "empty": Case("train x.csv", 1, "x.csv: the file is empty.", {"x.csv": ""}),
    "empty to predict": Case("predict two.npz x.csv", 1, "x.csv: the file is empty.", {"x.csv": ""}),
    "header only": Case("train x.csv", 1, "x.csv: no rows below the header.", {"x.csv": "a,label\n"}),
    "header only to evaluate": Case("eval two.npz x.csv", 1, "x.csv: no rows below the header.", {"x.csv": "id,a,b,label\n"}),
    "one class": Case("train x.csv", 1, "x.csv: target column 'label': expected two or more classes, found only 'p'. Choose another column with --target.", {"x.csv": "a,label\n" + "1,p\n" * 9}),
    "rare class": Case("train x.csv", 1, "x.csv: class 'rare': expected at least 3 rows, one for each of the 3 parts of the split, found 2. Get more rows of it, leave it out with --rare drop, or set --val 0 or --test 0.", {"x.csv": TWO + "1,1,1,rare\n2,2,2,rare\n"}),
    "few rows": Case("train x.csv", 1, "x.csv: --test 0.15: expected at least one row for each of the 2 classes in every part, found 6 rows in all, 1 of them for this part. Get more rows, or set another --test.", {"x.csv": "a,label\n" + "1,p\n2,q\n" * 3}),
    "target missing": Case("train x.csv", 1, "x.csv: expected a column called label, target, class or y; found a and b. Name the target with --target.", {"x.csv": "a,b\n1,2\n"}),
    "target ambiguous": Case("train x.csv", 1, "x.csv: several columns could be the target: y and Label. Choose one with --target.", {"x.csv": "a,y,Label\n1,p,q\n"}),
    "target misspelt": Case("train two.csv -t lable", 2, "--target: no column is called 'lable'. Did you mean 'label'?"),
    "target beyond": Case("train two.csv -t 4", 2, "--target: expected a position from -4 to 3, found 4."),
    "target of text, as numbers": Case("train iris --task regression", 1, "iris: target column 'class': expected numbers, found cells such as 'setosa'. Choose another column with --target, or leave out --task."),
    "ragged": Case("train two.csv", 1, RAGGED[:-1] + ", or leave such rows out with --on-error skip.", {"two.csv": TWO.replace("\n7,", "\n7,7,")}),
    "ragged to predict": Case("predict two.npz two.csv -o answers.csv", 1, RAGGED, {"two.csv": TWO.replace("\n7,", "\n7,7,")}),
    "ragged to evaluate": Case("eval two.npz x.csv", 1, RAGGED[:-1].replace("two", "x") + ", or leave such rows out with --on-error skip.", {"x.csv": TWO.replace("\n7,", "\n7,7,")}),
    "no number": Case("train two.csv", 1, f"two.csv:9: column 'a': expected a number, found 'x1.7'. {NUMBER_REMEDY.replace('Add --missing {0}', 'Correct it')}", {"two.csv": TWO.replace(",1.7,", ",x1.7,")}),
    "no number to predict": Case("predict two.npz two.csv -o answers.csv", 1, f"two.csv:9: column 'a': expected a number, found 'x1.7'. {CORRECT}", {"two.csv": TWO.replace(",1.7,", ",x1.7,")}),
    "inf": Case("train two.csv", 1, f"two.csv:9: column 'a': expected a finite number, found 'inf'. {NUMBER_REMEDY.format('inf')}", {"two.csv": TWO.replace(",1.7,", ",inf,")}),
    "inf to predict": Case("predict two.npz two.csv -o answers.csv", 1, f"two.csv:9: column 'a': expected a finite number, found 'inf'. {CORRECT}", {"two.csv": TWO.replace(",1.7,", ",inf,")}),
    "1e39": Case("train two.csv", 1, "two.csv:9: column 'a': '1e39' is too large for float32. Use --dtype float64, read the column as text with --categorical a, or leave it out with --drop a.", {"two.csv": TWO.replace(",1.7,", ",1e39,")}),
    "1e39 to predict": Case("predict two.npz two.csv -o answers.csv", 1, f"two.csv:9: column 'a': '1e39' is too large for float32. {CORRECT}", {"two.csv": TWO.replace(",1.7,", ",1e39,")}),
    "no utf-8": Case("train x.csv", 1, "x.csv:5: expected UTF-8, found the byte 0xe9. Write it in UTF-8, as other cells are, or leave such rows out with --on-error skip.", {"x.csv": TWO.replace("yes", "été").encode().replace(b"3,1.3,1,no", b"3,1.3,1,n\xe9")}),
    "--encoding": Case("train two.csv --encoding rot13", 2, "--encoding: expected an encoding such as utf-8, utf-16, latin-1 or cp1252, found 'rot13'."),
    "--decimal": Case("train two.csv --decimal ;", 2, "--decimal: expected a point or a comma, found ';'."),
    "--skip-rows": Case("train two.csv --skip-rows 200", 2, "--skip-rows: two.csv has only 41 lines."),
    "npz as data": Case("predict two.npz two.npz", 1, "two.npz: expected data, found a model. Name data."),
    "folder as data": Case("train sub", 1, "sub: expected a folder of tables, pictures or MNIST-style IDX files, found none in it. Name a file in it.", {"sub/.x": ""}),
    "truncated IDX": Case("train mnist", 1, f"{IMAGES}: expected 28 bytes, as its header says, found 27. Download or copy it again.", {IMAGES: idx((3, 2, 2), bytes(11)), LABELS: idx((3,), bytes(3))}),
    "mislabelled IDX": Case("train mnist", 1, f"{IMAGES}: expected images (3 dimensions), found labels (1 dimension). Check whether the images and labels files are swapped.", {IMAGES: idx((3,), bytes(3)), LABELS: idx((3, 2, 2), bytes(12))}),
    "IDX of another length": Case("train mnist", 1, f"{LABELS}: expected 3 labels, one per image of train-images-idx3-ubyte, found 2. Check that the two files belong together.", {IMAGES: idx((3, 2, 2), bytes(12)), LABELS: idx((2,), bytes(2))}),
    "eval: changed file": Case("eval two.npz", 1, "two.csv: the data have changed since two.npz was trained on them: 543 bytes, and had 533 then. Name the data to evaluate on: nncli eval MODEL DATA.", {"two.csv": TWO + "1,1,1,yes\n"}),
    "eval: no test rows": Case("eval untested.npz", 1, "untested.npz: the model was trained without test rows. Name the data to evaluate on: nncli eval MODEL DATA."),
    "eval: unknown class": Case("eval two.npz x.csv", 1, "x.csv:42: column 'label': expected a class that the model knows (no, yes), found 'zzz'. Correct it, or leave such rows out with --on-error skip.", {"x.csv": TWO + "1,1,1,zzz\n"}),
    "eval: no target": Case("eval two.npz x.csv", 1, "x.csv:1: the target column 'label' is missing. Did you mean 'labels'?", {"x.csv": "id,a,b,labels\n1,2,3,yes\n"}),
    "predict: missing column": Case("predict two.npz x.csv", 1, "x.csv:1: column 'b' is missing. Did you mean 'bb'?", {"x.csv": "id,a,bb\n1,2,3\n"}),
    "predict: missing columns": Case("predict two.npz x.csv", 1, "x.csv:1: columns 'a', 'b' are missing. The columns are id and q. If that line is a row, write the names of the columns above it.", {"x.csv": "id,q\n1,2\n"}),
}  # fmt: skip

FILES = {
    "out in no folder": Case("train two.csv -o none/m.npz", 1, "none/m.npz: cannot write: there is no folder HERE/none. Choose another place with -o."),
    "out is a folder": Case("train two.csv -o sub", 1, "sub: cannot write: it is a folder. Choose another place with -o.", {"sub/x": ""}),
    "log in no folder": Case("train two.csv --log none/l.jsonl", 1, "none/l.jsonl: cannot write: there is no folder HERE/none. Choose another place with --log."),
    "answers in no folder": Case("predict two.npz two.csv -o none/p.csv", 1, "none/p.csv: cannot write: there is no folder HERE/none. Choose another place with -o."),
    "answers to a folder": Case("predict two.npz two.csv -o sub", 1, "sub: cannot write: it is a folder. Choose another place with -o.", {"sub/x": ""}),
    "model is text": Case("info x.npz", 1, f"x.npz: {NO_MODEL}", {"x.npz": "hello\n"}),
    "model is empty": Case("predict x.npz two.csv", 1, f"x.npz: {NO_MODEL}", {"x.npz": ""}),
    "model is noise": Case("eval x.npz", 1, f"x.npz: {NO_MODEL}", {"x.npz": np.random.default_rng(0).bytes(3000)}),
    "model and data swapped": Case("predict two.csv two.npz", 1, f"two.csv: {NO_MODEL}"),
    "model is another npz": Case("info x.npz", 1, "x.npz: expected a model written by nncli, found an npz file. Name a model first, and data behind it.", {"x.npz": npz(X=np.eye(3), y=np.arange(3))}),
    "model is a folder": Case("predict sub two.csv", 1, "sub: cannot read the model: Is a directory. That folder has model.npz, three.npz, two.npz and 1 more.", {"sub/x": ""}),
}  # fmt: skip

OPTIONS = {
    "--model sofmax": Case("train two.csv --model sofmax", 2, f"--model: expected one of {names(MODELS)}; found 'sofmax'. Did you mean 'softmax'?"),
    "--optimizer adm": Case("train two.csv --optimizer adm", 2, f"--optimizer: expected one of {names(OPTIMIZERS)}; found 'adm'. Did you mean 'adam'?"),
    "--optimizer adam:beta": Case("train two.csv --optimizer adam:bet1=1", 2, "--optimizer: expected beta1=…, beta2=…, eps=… after 'adam'; found 'bet1=1'. Did you mean 'beta1'?"),
    "--activation rleu": Case("train two.csv --activation rleu", 2, f"--activation: expected one of {names(ACTIVATIONS)}; found 'rleu'. Did you mean 'relu'?"),
    "--activation step": Case("train two.csv --activation step", 2, "--activation: expected activations with a useful derivative, as hidden layers learn by backpropagation, found 'step'."),
    "--activation for each": Case("train two.csv --hidden 8x8 --activation relu,tanh,elu", 2, "--activation: expected one name, or one for each hidden layer (2), found 'relu,tanh,elu'."),
    "--activation setting": Case("train two.csv --activation leaky-relu:slope=2", 2, "--activation: leaky-relu: slope: expected 0 ≤ slope ≤ 1, found 2.0."),
    "--loss crossentropy": Case("train two.csv --loss crossentropy", 2, f"--loss: expected one of {names(LOSSES)}; found 'crossentropy'. Did you mean 'cross-entropy'?"),
    "--init glorto": Case("train two.csv --init glorto", 2, f"--init: expected one of {names(INITIALIZERS)}; found 'glorto'. Did you mean 'glorot'?"),
    "--schedule cosin": Case("train two.csv --schedule cosin", 2, f"--schedule: expected one of {names(SCHEDULES)}; found 'cosin'. Did you mean 'cosine'?"),
    "--label-smoothing 1": Case("train two.csv --label-smoothing 1", 2, "--label-smoothing: expected a share from 0 to below 1, found '1'."),
    "another link": Case("train two.csv --loss binary-cross-entropy:link=softmax", 2, "--loss: binary-cross-entropy: link: expected sigmoid, found 'softmax'; softmax is a link of cross-entropy, mse, mae."),
    "--average men": Case("train two.csv --average men", 2, f"--average: expected one of {names(AVERAGES)}; found 'men'. Did you mean 'mean'?"),
    "--average decay": Case("train two.csv --average exponential:decay=1", 2, "--average: exponential: decay: expected a factor between 0 and 1, found 1.0."),
    "--dropout 1": Case("train two.csv --dropout 1", 2, "--dropout: expected a share from 0 to below 1, found '1'."),
    "--dropout without layers": Case("train two.csv -m softmax --dropout 0.5", 2, "--dropout: model 'softmax' has no hidden layer. Give it one with --hidden 64."),
    "--max-norm 0": Case("train two.csv --max-norm 0", 2, "--max-norm: expected a number above 0, found '0'."),
    "--l2 -1": Case("train two.csv --l2 -1", 2, "--l2: expected a number from 0, found '-1'."),
    "--class-weight": Case("train two.csv --class-weight even", 2, "--class-weight: expected balanced, none, or weights above 0 such as a=1,b=5, found 'even'."),
    "--dropout-schedule without dropout": Case("train two.csv --dropout-schedule flat-cos", 2, "--dropout-schedule: nothing is dropped. Set --dropout 0.2, or leave it out."),
    "--dropout-schedule without layers": Case("train two.csv -m softmax --dropout-schedule flat-cos", 2, "--dropout-schedule: nothing is dropped. Set --input-dropout 0.2, or leave it out."),
    "--decay-schedule without --l2": Case("train two.csv --decay-schedule flat-cos", 2, "--decay-schedule: there is no L2 penalty. Set --l2 0.01, or leave it out."),
    "--decay-schedule of mira": Case("train two.csv -m mira --decay-schedule flat-cos", 2, "--decay-schedule: mira works out its step from the loss of a row alone. Leave it out, or use another --optimizer."),
    "--decay-schedule of lbfgs": Case("train two.csv -m softmax --optimizer lbfgs --l2 1 --decay-schedule cosine", 2, "--decay-schedule: lbfgs needs the same smooth objective at every step. Leave it out, or use another --optimizer."),
    "--decay-schedule cosin": Case("train two.csv --l2 1 --decay-schedule cosin", 2, f"--decay-schedule: expected one of {PLANNED}; found 'cosin'. Did you mean 'cosine'?"),
    "--decay-schedule plateau": Case("train two.csv --l2 1 --decay-schedule plateau", 2, f"--decay-schedule: expected one of {PLANNED}, which follow the planned steps alone; found 'plateau'."),
    "--decay-schedule with too long a warm-up": Case("train two.csv --l2 1 --epochs 2 --batch-size full --decay-schedule cosine:warmup=2", 2, "--decay-schedule: expected a warm-up shorter than the 2 planned steps, found 2."),
    "--decay-schedule cosine:warmup=x": Case("train two.csv --l2 1 --decay-schedule cosine:warmup=x", 2, "--decay-schedule: cosine:warmup: expected a whole number, found 'x'."),
    "--init zeros": Case("train two.csv --init zeros", 2, "--init: hidden units that start alike stay alike: zeros suits models without hidden layers. Leave it out, or use --init he or --init glorot."),
    "smooth hinge": Case("train two.csv -m svm --label-smoothing 0.1", 2, "--label-smoothing: the loss hinge is of one true class, not of shares of several. Use --loss cross-entropy, or leave it out."),
    "lbfgs mini-batch": Case("train two.csv -m softmax --optimizer lbfgs --batch-size 32", 2, "--batch-size: lbfgs learns from all rows at each step: expected full, found 32. Leave it out, or use another --optimizer."),
    "lbfgs kinks": Case("train two.csv -m svm --optimizer lbfgs", 2, f"--optimizer: lbfgs needs a loss without kinks, and hinge has some. Use one of {names(LOSSES, smooth=True, for_classes=True)}."),
    "lbfgs rate": Case("train two.csv -m softmax --optimizer lbfgs --lr 0.1", 2, "--lr: lbfgs finds the length of its steps by itself. Leave it out, or use another --optimizer."),
    "lbfgs dropout": Case("train two.csv --optimizer lbfgs --dropout 0.5", 2, "--dropout: lbfgs needs the same smooth objective at every step. Leave it out, or use another --optimizer."),
    "mira without margin": Case("train two.csv -m softmax --optimizer mira", 2, "--optimizer: mira needs a loss with a margin, and cross-entropy has none. Use --loss hinge."),
    "mira batch": Case("train two.csv -m mira --batch-size full", 2, "--batch-size: mira learns from one row at each step: expected 1, found full. Leave it out, or use another --optimizer."),
    "mira l2": Case("train two.csv -m mira --l2 0.1", 2, "--l2: mira works out its step from the loss of a row alone. Leave it out, or use another --optimizer."),
    "--calibrate --val 0": Case("train two.csv --calibrate --val 0", 2, "--calibrate: there are no validation rows. Set --val above 0."),
    "--weight": Case("train two.csv --weight wt", 2, "--weight: no column is called 'wt'. The columns are a and b."),
    "--weight is target": Case("train two.csv --weight label", 2, "--weight: 'label' is the target, and cannot weigh rows too."),
    "--weight of pixels": Case("train digits-idx --weight pixel_0_1", 2, "--weight: digits-idx is an IDX file, which has no column of weights. Leave it out."),
    "--weight alone": Case("train two.csv --weight a --drop id,b", 2, "--weight: 'a' is the only column: nothing is left to learn from."),
    "--group": Case("train two.csv --group wt", 2, "--group: no column is called 'wt'. The columns are a and b."),
    "--group is target": Case("train two.csv --group label", 2, "--group: 'label' is the target, and cannot group rows too."),
    "--time of pixels": Case("train digits-idx --time pixel_0_1", 2, "--time: digits-idx is an IDX file, which has no column of times. Leave it out."),
    "--time and --group": Case("train two.csv --time a --group b", 2, "--time: --group says already how rows are split. Leave one of them out."),
    "--clip-norm 0": Case("train two.csv --clip-norm 0", 2, "--clip-norm: expected a number above 0, found '0'."),
    "--schedule warm-up": Case("train two.csv --schedule cosine:warmup=99999", 2, "--schedule: expected a warm-up shorter than the 1,000 planned steps, found 99,999."),
    "--schedule plateau": Case("train two.csv --val 0 --schedule plateau", 2, "--schedule: plateau needs validation rows, and there are none. Set --val above 0."),
    "--scale standart": Case("train two.csv --scale standart", 2, "--scale: expected one of auto, standard, robust, minmax, none; found 'standart'. Did you mean 'standard'?"),
    "--dtype float23": Case("train two.csv --dtype float23", 2, "--dtype: expected one of float32, float64; found 'float23'. Did you mean 'float32'?"),
    "unknown option": Case("train two.csv --epoch 3", 2, "nncli train: No such option: --epoch (Possible options: --epochs, --plot). See nncli train --help."),
    "header of a model": Case("predict two.npz two.csv --no-header", 2, "nncli predict: No such option: --no-header; a header is known by the names of the model's columns; without one they are matched by position. See nncli predict --help."),
    "option of train": Case("eval two.npz two.csv --lr 2", 2, "nncli eval: No such option: --lr; it is one of train, and stays with the model. See nncli eval --help."),
    "flag of train": Case("check two.csv --no-calibrate", 2, "nncli check: No such option: --no-calibrate; it is one of train. See nncli check --help."),
    "no flag of train": Case("check two.csv --no-lr", 2, "nncli check: No such option: --no-lr (Possible options: --no-header, --no-vocabulary, --only). See nncli check --help."),
    "unknown command": Case("trian", 2, "nncli: No such command 'trian'. Did you mean 'train'? See nncli --help."),
    "no value": Case("train two.csv --lr", 2, "nncli train: Option '--lr' requires an argument. See nncli train --help."),
    "no model": Case("predict", 2, "nncli predict: Missing argument 'MODEL'. See nncli predict --help."),
    "one too many": Case("info two.npz three.csv", 2, "nncli info: Got unexpected extra argument(s) (three.csv). See nncli info --help."),
    "--lr 0": Case("train two.csv --lr 0", 2, "--lr: expected a number above 0, found '0'."),
    "--lr nan": Case("train two.csv --lr nan", 2, "--lr: expected a number above 0, found 'nan'."),
    "--epochs 0": Case("train two.csv --epochs 0", 2, "--epochs: expected a whole number from 1, found '0'."),
    "--batch-size 0": Case("train two.csv --batch-size 0", 2, "--batch-size: expected a whole number from 1, or full, found '0'."),
    "--val 1": Case("train two.csv --val 1", 2, f"--val: {SHARE}, found '1'."),
    "--test -1": Case("train two.csv --test -1", 2, f"--test: {SHARE}, found '-1'."),
    "--hidden 0": Case("train two.csv --hidden 0", 2, f"{WIDTHS}, found '0'."),
    "--hidden axb": Case("train two.csv --hidden axb", 2, f"{WIDTHS}, found 'axb'."),
    "--hash-bits 5": Case("train two.csv --hash-bits 5", 2, "--hash-bits: expected a whole number from 8 to 24, found '5'."),
    "--hash-bits 40": Case("train two.csv --hash-bits 40", 2, "--hash-bits: expected a whole number from 8 to 24, found '40'."),
    "--seed -1": Case("train two.csv --seed -1", 2, "--seed: expected a whole number from 0, found '-1'."),
    "--threads 0": Case("train two.csv --threads 0", 2, "--threads: expected a whole number from 1 to 1024, found '0'."),
    "--drop": Case("train two.csv --drop idd", 2, "--drop: no column is called 'idd'. Did you mean 'id'?"),
    "logistic --activation": Case("train two.csv -m logistic --activation relu", 2, "--activation: model 'logistic' has no hidden layer. Give it one with --hidden 64."),
    "--val and --val-data": Case("train two.csv --val 0.1 --val-data two.csv", 2, "--val: expected either --val or --val-data, found both."),
    "--test and --test-data": Case("train two.csv --test 0.1 --test-data two.csv", 2, "--test: expected either --test or --test-data, found both."),
    "--patience --val 0": Case("train two.csv --patience 3 --val 0", 2, "--patience: there are no validation rows. Set --val above 0."),
    "--test beside a test set": Case("train digits-idx --test 0.1", 2, "--test: the data bring their own test set of 297 rows. Leave the option out."),
    "--test-data beside a test set": Case("train digits-idx --test-data digits-idx", 2, "--test-data: the data bring their own test set of 297 rows. Leave the option out."),
    "--val 0.6 --test 0.6": Case("train two.csv --val 0.6 --test 0.6", 2, "--val: expected --val and --test to be below 1 together, found 0.6 and 0.6. Lower one of them."),
    "--threshold on three": Case("predict three.npz three.csv --threshold 0.5", 2, "--threshold: expected a model of two classes, found 3. Leave it out."),
    "--threshold 2": Case("predict two.npz two.csv --threshold 2", 2, "--threshold: expected a probability from 0 to 1, found '2'."),
    "--threshold x": Case("predict two.npz two.csv --threshold x", 2, "--threshold: expected a probability from 0 to 1, found 'x'."),
    "--keep": Case("predict two.npz two.csv --keep lable", 2, "--keep: no column is called 'lable'. Did you mean 'label'?"),
    "--on-error": Case("predict two.npz two.csv --on-error skip", 2, "--on-error: expected fail or blank, found 'skip'."),
    "--config absent": Case("train two.csv --config c.toml", 2, "--config: cannot read c.toml: No such file or directory."),
    "--config no TOML": Case("train two.csv --config c.toml", 2, "c.toml: expected TOML, found an error: Invalid value (at line 1, column 6).", {"c.toml": "lr = \n"}),
    "--config far from all keys": Case("train two.csv --config c.toml", 2, "c.toml: unknown option 'velocity'.", {"c.toml": 'velocity = "m.npz"\n'}),
    "--config unknown key": Case("train two.csv --config c.toml", 2, "c.toml: unknown option 'batchsize'. Did you mean 'batch-size'?", {"c.toml": "batchsize = 3\n"}),
    "--config text for number": Case("train two.csv --config c.toml", 2, "c.toml: lr: expected a number above 0, found 'x'.", {"c.toml": 'lr = "x"\n'}),
    "--config text for bool": Case("train two.csv --config c.toml", 2, "c.toml: header: expected true or false, found 'yes'.", {"c.toml": 'header = "yes"\n'}),
    "--config list for number": Case("train two.csv --config c.toml", 2, "c.toml: epochs: expected a whole number from 1, found '3,4'.", {"c.toml": "epochs = [3, 4]\n"}),
    "--config number for data": Case("train --config c.toml", 2, "c.toml: data: expected the name of a file, found '3'.", {"c.toml": "data = 3\n"}),
}  # fmt: skip

CASES = {**DATA, **FILES, **OPTIONS}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_in_one_exact_line(name: str, nncli: Callable[..., Any], folder: Path) -> None:
    case = CASES[name]
    for file, content in case.files.items():
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_bytes(content.encode() if isinstance(content, str) else content)
    before = contents(folder)
    argv = case.command.split()
    quiet = ["-q"] if argv[0] in ("train", "eval", "predict") and len(argv) > 1 and argv[-1] != "--lr" else []
    out = nncli(*argv[:1], *quiet, *argv[1:])
    assert (out.code, out.err, out.out) == (case.code, case.line.replace("HERE", str(folder)) + "\n", "")
    assert contents(folder) == before
