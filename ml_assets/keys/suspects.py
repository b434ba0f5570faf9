"""What looks impure in a hook, by name, and what to do instead: ADD YOURS HERE.

Belongs here: names. Does not belong here: finding them in a source (`purity`).
"""

from __future__ import annotations

Reason = str
CLOCK = "reads the clock: take the time from a column"
CHANCE = "draws without a seed: use a fixed one"
NETWORK = "reaches the network: land the data as a dataset and join it"
FILES = "reads or writes files: land the data as a dataset and join it"
SURROUNDINGS = "reads the environment of the process: write the value into the YAML or the code"
CODE = (
    "uses code that is in no key: put it into the project and import it by an import "
    "statement, or install it"
)

MODULES: dict[str, Reason] = {
    "secrets": CHANCE,
    **dict.fromkeys(
        (
            "socket",
            "ssl",
            "http.client",
            "urllib.request",
            "ftplib",
            "smtplib",
            "requests",
            "httpx",
        ),
        NETWORK,
    ),
    **dict.fromkeys(
        ("urllib3", "aiohttp", "boto3", "botocore", "sqlalchemy", "sqlite3", "psycopg"), NETWORK
    ),
    **dict.fromkeys(("shutil", "tempfile", "glob", "fsspec", "upath"), FILES),
    **dict.fromkeys(
        ("pkgutil", "importlib.resources", "linecache", "mmap", "shelve", "dbm"), FILES
    ),
    **dict.fromkeys(("runpy", "imp", "zipimport", "importlib.machinery"), CODE),
    "subprocess": "starts another program, whose result is in no key",
}
"""Modules of which any use counts."""
NAMES: dict[str, Reason] = {
    **{
        f"time.{name}": CLOCK
        for name in ("time", "time_ns", "monotonic", "perf_counter", "localtime", "gmtime", "ctime")
    },
    **{f"datetime.datetime.{name}": CLOCK for name in ("now", "utcnow", "today")},
    "datetime.date.today": CLOCK,
    **{f"pandas.Timestamp.{name}": CLOCK for name in ("now", "utcnow", "today")},
    "os.urandom": CHANCE,
    "uuid.uuid1": CHANCE,
    "uuid.uuid4": CHANCE,
    **dict.fromkeys(("os.environ", "os.getenv", "os.getcwd", "sys.argv"), SURROUNDINGS),
    **{f"pathlib.Path.{name}": SURROUNDINGS for name in ("cwd", "home")},
    **{f"sys.{name}": CODE for name in ("path", "path_hooks", "meta_path", "modules")},
    **{f"importlib.{name}": CODE for name in ("import_module", "__import__", "reload")},
    **{f"importlib.util.{name}": CODE for name in ("spec_from_file_location", "module_from_spec")},
    "builtins.__import__": CODE,
    "site.addsitedir": CODE,
    **{f"os.{name}": FILES for name in ("open", "listdir", "scandir", "walk", "stat", "remove")},
    **{f"os.path.{name}": FILES for name in ("exists", "isfile", "isdir", "getmtime", "getsize")},
    **{f"numpy.{name}": FILES for name in ("load", "save", "loadtxt", "savetxt", "fromfile")},
    **{f"numpy.{name}": FILES for name in ("genfromtxt", "memmap", "savez")},
    **{f"pyarrow.{name}": FILES for name in ("memory_map", "OSFile", "input_stream")},
    **{f"pandas.{name}": FILES for name in ("HDFStore", "ExcelFile", "ExcelWriter")},
    **{f"pickle.{name}": FILES for name in ("load", "dump", "Unpickler")},
    **dict.fromkeys(("io.FileIO", "gzip.GzipFile", "bz2.BZ2File", "lzma.LZMAFile"), FILES),
    **dict.fromkeys(("zipfile.ZipFile", "tarfile.TarFile", "fileinput.input"), FILES),
    "joblib.load": FILES,
    "joblib.dump": FILES,
}
PREFIXES: dict[str, Reason] = {
    **dict.fromkeys(("pandas.read_", "polars.read_", "polars.scan_", "io.open"), FILES),
    **{f"pyarrow.{name}.": FILES for name in ("parquet", "csv", "json", "feather", "orc", "fs")},
    "pyarrow.dataset.": FILES,
}
BUILTINS: dict[str, Reason] = {
    "open": FILES,
    "input": SURROUNDINGS,
    "__import__": CODE,
    "hash": "differs between processes for strings: use hashlib",
}
METHODS: dict[str, Reason] = {
    **dict.fromkeys(("open", "read_text", "read_bytes", "write_text", "write_bytes"), FILES),
    **dict.fromkeys(("iterdir", "rglob", "is_file", "is_dir", "lstat", "unlink", "touch"), FILES),
    **dict.fromkeys(("to_csv", "to_parquet", "to_pickle", "to_feather", "to_sql"), FILES),
    **dict.fromkeys(("to_excel", "to_hdf", "to_orc", "tofile", "get_data"), FILES),
    **dict.fromkeys(("load_module", "exec_module"), CODE),
}
"""Of whatever object: what it is cannot be known from the syntax."""
SEEDED = ("numpy.random.default_rng", "numpy.random.RandomState", "random.Random")
"""Fine with a seed as an argument."""
PLAIN = ("numpy.random.Generator", "numpy.random.SeedSequence", "numpy.random.PCG64")
