"""Spreadsheets, made by hand."""

import datetime
import zipfile


def write_xlsx(path, *sheets, merged=()):
    """Writes sheets of text, numbers and dates: the least that is a file of Excel.

    `merged` has ranges of cells of all sheets, such as "A1:A2".
    """
    ranges = "".join(f'<mergeCell ref="{cells}"/>' for cells in merged)
    ranges = f"<mergeCells>{ranges}</mergeCells>" if merged else ""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    content = "http://schemas.openxmlformats.org/package/2006/content-types"
    places = range(1, len(sheets) + 1)
    links = [
        (f"r{i}", f"{office}/worksheet", f"worksheets/sheet{i}.xml") for i in places
    ]
    links.append(("styles", f"{office}/styles", "styles.xml"))
    files = {
        "[Content_Types].xml": f'<Types xmlns="{content}"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
        + "".join(
            f'<Relationship Id="{i}" Type="{kind}" Target="{target}"/>'
            for i, kind, target in links
        )
        + "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        + "".join(f'<sheet name="Sheet{i}" sheetId="{i}" r:id="r{i}"/>' for i in places)
        + "</sheets></workbook>",
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="14"/></cellXfs></styleSheet>',
    }
    for i, rows in zip(places, sheets, strict=True):
        data = "".join(
            f'<row r="{number}">{"".join(_cells(number, row))}</row>'
            for number, row in enumerate(rows, 1)
        )
        files[f"xl/worksheets/sheet{i}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{data}</sheetData>'
            f"{ranges}</worksheet>"
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def _cells(number, row):
    for letter, value in zip("ABCDEFG", row, strict=False):
        place = f'r="{letter}{number}"'
        if isinstance(value, datetime.date):
            days = (value - datetime.date(1899, 12, 30)).days
            yield f'<c {place} s="1"><v>{days}</v></c>'
        elif isinstance(value, bool):
            yield f'<c {place} t="b"><v>{int(value)}</v></c>'
        elif isinstance(value, str):
            text = f'<t xml:space="preserve">{value}</t>'
            yield f'<c {place} t="inlineStr"><is>{text}</is></c>'
        elif value is not None:
            yield f"<c {place}><v>{value!r}</v></c>"
