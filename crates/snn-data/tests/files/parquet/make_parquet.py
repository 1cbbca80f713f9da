"""Writes the .parquet files beside it, shards as the Hugging Face Hub's: python make_parquet.py. Needs pyarrow and Pillow."""
import io
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

folder = pathlib.Path(__file__).parent
kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
features = {"image": {"_type": "Image"}, "label": {"names": ["tench", "goldfish"], "_type": "ClassLabel"}}
metadata = {"huggingface": json.dumps({"info": {"features": features}})}
schema = pa.schema([("image", kind), ("label", pa.int64())], metadata=metadata)


def picture(i):
    """Four by two pixels of one color; the first is a JPEG, as all of ImageNet's are."""
    bytes = io.BytesIO()
    image = Image.new("RGB", (4, 2), (10 * i, 20 * i, 30 * i))
    image.save(bytes, **({"format": "JPEG", "quality": 95} if i == 0 else {"format": "PNG"}))
    return {"bytes": bytes.getvalue(), "path": f"{i}.JPEG"}


def write(name, numbers, labels, schema=schema, **how):
    table = pa.table({"image": [picture(i) for i in numbers], "label": labels}, schema=schema)
    pq.write_table(table, folder / name, **how)


# Snappy, dictionaries where they help, two row groups: what the Hub's own writer makes.
write("train-00000-of-00002.parquet", range(5), [0, 1, 0, 999, 1], row_group_size=3)
# Values as they are.
write("train-00001-of-00002.parquet", [5, 6], [7, 7], use_dictionary=False, compression="none")
# Not every picture has a label.
write("null.parquet", [1, 2], [1, None])
# Pages of the second kind, one value each, none of them missing by the schema.
required = pa.schema([pa.field("image", pa.struct([pa.field("bytes", pa.binary(), False)]), False), pa.field("label", pa.int32(), False)])
table = pa.table({"image": [{"bytes": picture(i)["bytes"]} for i in (7, 8, 9)], "label": [3, 4, 3]}, schema=required)
pq.write_table(table, folder / "validation-00000-of-00001.parquet", data_page_version="2.0", data_page_size=1, write_batch_size=1)
