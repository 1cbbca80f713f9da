"""Our model cards as the Hub's Python client reads them: every number of `model-index` is one of metrics.json.

    python tests/read_card.py [CHECKPOINT ..]

Without CHECKPOINT those of data/checkpoints are read. Needs the PyPI package huggingface_hub. Prints how many numbers each card
has, and ends with 1 at the first that is another.
"""

import json
import pathlib
import sys

from huggingface_hub import ModelCard

ROOT = pathlib.Path(__file__).resolve().parent.parent


def at(value, pointer):
    """The value at a JSON pointer."""
    for part in pointer.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def main(names):
    checkpoints = [pathlib.Path(name) for name in names]
    checkpoints = checkpoints or sorted(path.parent for path in (ROOT / "data/checkpoints").glob("*/README.md"))
    for checkpoint in checkpoints:
        card = ModelCard.load(checkpoint / "README.md")
        figures = json.loads((checkpoint / "metrics.json").read_text())
        results = card.data.eval_results
        for result in results:
            there = at(figures, result.metric_args["metrics.json"])
            if result.metric_value != there:
                sys.exit(f"{checkpoint.name}: {result.metric_name} is {result.metric_value}, metrics.json says {there}")
        data = card.data
        assert data.library_name == "snn" and data.license == figures["data"]["license"], data
        print(f"{checkpoint.name}: {len(results)} numbers, licence {data.license}, task {data.pipeline_tag}")


if __name__ == "__main__":
    main(sys.argv[1:])
