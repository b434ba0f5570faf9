"""What Flower runs: at the coordinator `server`, at each site `client`.

It runs in Flower's environment, so it imports nothing of ml_assets; `client`, `server` and `boost`
import Flower and XGBoost, the others numpy alone.
"""
