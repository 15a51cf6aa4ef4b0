"""scikit-learn's estimators: `NNClassifier` and `NNRegressor`, fitted on arrays and data frames.

May import `training` and the rooms below it. Importing one of its modules imports scikit-learn. Open `base.py` first.
"""
