"""Formats that are known and not read, each with what to do about it. A line here is all that a new one needs."""

from __future__ import annotations

import re

from nncli.data.decompression import MAGIC
from nncli.data.formats.format import BLANK, Format

DOWNLOAD = "It is not data: download the file itself, from the address behind its download button"
FIGURES = "Save its arrays in Python: numpy.savez('data.npz', X=X, y=y)"
PICTURE = "Convert it to PNG: magick {file} picture.png"
TABLE = "Open it in the program that wrote it, and save the table as CSV"
ARFF_ROWS = "Keep its rows: sed '1,/^@data/Id' {file} > rows.csv, and add --no-header"
ONE_A_LINE = (
    'Write one object a line: python3 -c "import json, sys; [print(json.dumps(row)) for row in json.load(sys.stdin)]" '
    "< {file} > rows.jsonl"
)
AS_CSV = (
    'Write it as CSV: python3 -c "import csv, json, sys; csv.writer(sys.stdout).writerows(json.load(sys.stdin))" '
    "< {file} > rows.csv"
)
ROWS_OF_A_KEY = ONE_A_LINE.replace(
    "in json.load(sys.stdin)", "in next(rows for rows in json.load(sys.stdin).values() if str(rows)[:2] == '[{')"
)
ROWS_BY_NUMBER = ONE_A_LINE.replace("json.load(sys.stdin)", "json.load(sys.stdin).values()")
TABLE_AS_CSV, COLUMNS_AS_CSV, NUMBERED_AS_CSV = (
    f'Write it as CSV: python3 -c "import csv, json, sys; table = json.load(sys.stdin); '
    f'csv.writer(sys.stdout).writerows([{rows}])" < {{file}} > rows.csv'
    for rows in (
        "table['columns'], *table['data']",
        "table, *zip(*table.values(), strict=True)",
        "table, *zip(*(column.values() for column in table.values()), strict=True)",
    )
)
STRING = rb'"(?:[^"\\]|\\.)*+"'
KEY = rb"\s*" + STRING + rb"\s*:\s*"
PAIRS = rb"\s*\{(?:" + KEY + rb"(?:" + STRING + rb'|[^\s"{}\[\],]+)\s*,)*+'  # before a key with more than a value
BINARY = rb".{0,99}?[\x00-\x08]"  # what text has not, which may begin with the same letters
# protocols 0 and 1: a dict, a list or a tuple of old ones, or a class by its name
OLD_PICKLE = (
    rb"\((?:[dl]p\d+\n|[dl]q\x00|(?:[IFL][\d.+-]+L?\n)+|[SV][^\n]*\np\d+\n)|"
    rb"c(?:\w+\.[\w.]+|copy_?reg|numpy|builtins|__builtin__|__main__|collections|pathlib)\n\w+\n(?:p\d+\n|\(|q\x00)"
)
OLD_MATLAB = (
    rb"[\x00-\x34]\x00\x00\x00.{2}\x00\x00.{2}\x00\x00[\x00\x01]\x00{3}[\x02-\x40]\x00{3}[A-Za-z]\w*\x00"  # version 4
)
ELEMENT = rb"<[A-Za-z_][\w:.-]*(?:\s[^<>]*)?>"
OF_XML, OF_JSON = BLANK + b"<", BLANK + b"{["  # first bytes
JSON_ERROR = "an error message in JSON"
PACKED = "compressed data"
PICKLED = "Save what is in it as CSV or .npz"
QUERY = (
    'Write a table of it as CSV: python3 -c "import csv, sqlite3, sys; '
    "rows = sqlite3.connect(sys.argv[1]).execute('select * from NAME'); out = csv.writer(sys.stdout); "
    'out.writerow([column[0] for column in rows.description]); out.writerows(rows)" {file} > data.csv'
)

TAR = Format("a tar archive", rb".{257}ustar(?:  )?\x00", remedy="Unpack it, and name the files in it: tar xf {file}")
FOREIGN = (
    Format("a Python pickle", rb"\x80[\x02-\x05]|[\]})][qr]\x00|" + OLD_PICKLE, remedy=PICKLED, first=b"\x80]})(c"),
    Format("a joblib file", rb"x[\x01\x9c]|x\xda" + BINARY + rb"|ZF0x", remedy=PICKLED),
    Format("a NumPy array without labels (.npy)", rb"\x93NUMPY", remedy=FIGURES),
    Format("an HDF5 file", rb"\x89HDF\r\n\x1a\n", remedy=FIGURES),
    Format("a MATLAB file", rb"MATLAB [57]\.\d MAT-file|" + OLD_MATLAB, remedy=FIGURES,
           first=b"M" + bytes(range(0x35))),
    Format("an old Excel file (.xls) or another Office document", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
           remedy="Save it as .xlsx or CSV"),
    Format("an SQLite database", rb"SQLite format 3\x00", remedy=QUERY),
    Format("a Stata file", rb"<stata_dta>|[\x69-\x73][\x01\x02]\x01\x00", remedy=TABLE),
    Format("an SPSS file", rb"\$FL[23]@|[ -~]{0,40}SPSS PORT FILE", remedy=TABLE),
    Format("a SAS file", rb"\x00{12}\xc2\xea\x81\x60|HEADER RECORD\*{7}LIB", remedy=TABLE),
    Format("a dBase file", rb"\x03[\x5f-\x7e][\x01-\x0c][\x01-\x1f]" + BINARY, remedy=TABLE),
    Format("a Microsoft Access database", rb"\x00\x01\x00\x00Standard (?:Jet|ACE) DB", remedy=TABLE),
    Format("a NetCDF file", rb"CDF[\x01\x02\x05]", remedy=FIGURES),
    Format("a FITS file", rb"SIMPLE  = {18}", remedy=FIGURES),
    Format("a matrix of Matrix Market (.mtx)", rb"%%MatrixMarket ", remedy=FIGURES),
    Format("a sound", rb"RIFF.{4}WAVE|ID3[\x02-\x04]|fLaC|OggS\x00",
           remedy="Write what you measure of it into a table"),
    Format("an R data file", rb"RD[AX][23]\n|X\n\x00\x00\x00[\x02\x03]\x00|A\n[23]\n\d+\n",
           remedy="Write it in R: write.csv(x, 'data.csv', row.names = FALSE)"),
    Format("an ORC file", rb"ORC" + BINARY, remedy="Convert it to Parquet or CSV"),
    Format("an Avro file", rb"Obj\x01", remedy="Convert it to Parquet or CSV"),
    Format("a Feather file of version 1", rb"FEA1" + BINARY, remedy="Write it again with a newer pyarrow, or as CSV"),
    Format("an Arrow stream, while only Arrow files are read", rb"\xff{4}"),
    Format(PACKED, b"|".join(map(re.escape, MAGIC)), remedy="Unpack it once, and name what comes out"),
    TAR,
    Format("a 7z archive", rb"7z\xbc\xaf\x27\x1c", remedy="Unpack it, and name the files in it: 7z x {file}"),
    Format("a RAR archive", rb"Rar!\x1a\x07", remedy="Unpack it, and name the files in it: unrar x {file}"),
    Format("an empty zip archive", rb"PK\x05\x06", remedy="Name a file with rows"),
    Format("a GIF picture", rb"GIF8[79]a", remedy=PICTURE),
    Format("a BMP picture", rb"BM.{4}\x00{4}", remedy=PICTURE),
    Format("a TIFF picture", rb"II\*\x00|MM\x00\*", remedy=PICTURE),
    Format("a WebP picture", rb"RIFF.{4}WEBP", remedy=PICTURE),
    Format("a PDF", rb"%PDF-", remedy="Copy its table into a spreadsheet, and save that as CSV"),
    Format("a Git LFS pointer in place of the file", rb"version https://git-lfs\.github\.com/spec/",
           remedy="Fetch the file: git lfs pull"),
    Format("an RTF text", rb"\{\\rtf1", remedy="Copy its table into a spreadsheet, and save that as CSV"),
    Format("a PostScript file", rb"%!PS-Adobe", remedy="Copy its table into a spreadsheet, and save that as CSV"),
    Format("a web page", rb"(?i:\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|(?:html|head|body|table|title|meta|"
           rb"center|div|p|pre|h1)\b))", remedy=DOWNLOAD, first=OF_XML),
    Format("an error message in XML", rb"\s*(?:<\?xml[^>]*>\s*)?(?i:<error\b)", remedy=DOWNLOAD, first=OF_XML),
    Format("XML", rb"\s*(?:<\?xml\b|" + ELEMENT + rb"\s*<)", first=OF_XML),
    Format("a Weka ARFF file", rb"(?i:(?:[ \t]*(?:%[^\n]*)?\r?\n)*[ \t]*@relation\b)", remedy=ARFF_ROWS,
           first=b" \t\r\n%@"),
)  # fmt: skip
# objects that hold a table, of which one alone is a line or several
TABLES_OF_JSON = (
    Format("a Jupyter notebook", rb'\s*\{\s*"cells"\s*:\s*\[', remedy="Name the data that it reads", first=OF_JSON),
    Format("JSON with its rows in a list", PAIRS + rb"(?:\s*\"schema\"\s*:\s*\{|" + KEY + rb"\[\s*\{)",
           remedy=ROWS_OF_A_KEY, first=OF_JSON),
    Format("JSON with its rows in a list", rb"\s*\{\s*\"columns\"\s*:\s*\[\s*\"", remedy=TABLE_AS_CSV, first=OF_JSON),
    Format("JSON with a list for each column", rb"\s*\{" + KEY + rb"\[\s*[^\s{\[\]]", remedy=COLUMNS_AS_CSV,
           first=OF_JSON),
    Format("JSON with an object for each column", rb"\s*\{" + KEY + rb"\{\s*\"0\"\s*:", remedy=NUMBERED_AS_CSV,
           first=OF_JSON),
    Format("JSON with its rows by their numbers", rb"\s*\{\s*\"0\"\s*:\s*\{", remedy=ROWS_BY_NUMBER, first=OF_JSON),
)  # fmt: skip
# behind all formats that are read, as JSON Lines begin so too
JSON = (
    Format("JSON in one array", rb"\s*\[\s*\{", remedy=ONE_A_LINE, first=OF_JSON),
    Format("JSON in one array", rb"\s*\[\s*[\[\"]", remedy=AS_CSV, first=OF_JSON),
    *TABLES_OF_JSON,
    Format(
        JSON_ERROR,
        rb'\s*\{\s*\n[^{}]*"(?:errors?|message|detail)"\s*:[^{}]*(?:\{[^{}]*\}[^{}]*)?\}\s*\Z',
        remedy=DOWNLOAD,
        first=OF_JSON,
    ),
    Format(
        "JSON of several lines",
        rb"\s*\{\s*[\"}]",
        remedy="Write one object a line: jq -c . {file} > rows.jsonl",
        first=OF_JSON,
    ),
)
