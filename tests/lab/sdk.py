"""The SDK's own view of every type of types.tsv: what exists, where, and what the emulator does not serve.

A row of the table says how boto3 lists a type: service, operation, items (a JMESPath expression over a page), the id, the request
(JSON), the row of another type below whose items these lie, where, and the error codes that mean "there is none". In ids and
requests `{EXPRESSION}` is JMESPath over the item, `{parent.EXPRESSION}` over the one above, `{account}` and `{region}` are known,
`{A//}` is what stands behind the last slash and `{A,B}` the first that exists.
where: empty for every region, `global` for the first one (`global REGION` for another), `{Field}` where the item tells its region.
"""

import csv
import json
import pathlib
import re

import jmespath
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

TABLE = pathlib.Path(__file__).with_name("types.tsv")
# What the emulator answers to operations that it does not have.
UNSERVED = {"404", "500", "501", "NotImplemented", "NotYetImplemented", "UnknownOperationException", "InvalidAction"}
UNNAMED = "not named by the emulator"


class View:
    """What exists: `ids` by type as pairs of id and region (`None`: of no region), and what is not served, by type and region."""

    def __init__(self):
        self.ids, self.unserved, self.items = {}, {}, {}


def rows():
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def value(expression, item, known):
    """The text of an expression in braces, or `None`."""
    for one in expression.split(","):
        is_tail = one.endswith("//")
        one = one.removesuffix("//")
        if one in known and one != "parent":
            found = known[one]
        elif one.startswith("parent."):
            found = jmespath.search(one.removeprefix("parent."), known["parent"])
        else:
            found = jmespath.search(one, item)
        if found not in (None, ""):
            return str(found).rsplit("/", 1)[-1] if is_tail else str(found)
    return None


def fill(template, item, known):
    texts = {e: value(e, item, known) for e in re.findall(r"\{([^{}]+)\}", template)}
    missing = [e for e, text in texts.items() if text is None]
    if missing:
        raise KeyError(f"`{template}`: the SDK's answer has no {', '.join(missing)}: {str(item)[:200]}")
    return re.sub(r"\{([^{}]+)\}", lambda found: texts[found[1]], template)


def has_id(row, item, known):
    return all(value(e, item, known) is not None for e in re.findall(r"\{([^{}]+)\}", row["id"]))


def filled(request, known):
    """A request with its texts filled in."""
    if isinstance(request, dict):
        return {key: filled(one, known) for key, one in request.items()}
    if isinstance(request, list):
        return [filled(one, known) for one in request]
    return fill(request, {}, known) if isinstance(request, str) else request


def pages(client, operation, request):
    if client.can_paginate(operation):
        return list(client.get_paginator(operation).paginate(**request))
    found, more = [], {}
    while True:
        page = getattr(client, operation)(**request, **more)
        found.append(page)
        # Some operations page without the SDK's help.
        token = page.get("NextToken")
        if not token or operation.startswith("get_"):
            return found
        more = {"NextToken": token}


def code_of(error):
    """The code of a refusal; the emulator's page of HTML has its status in place of one."""
    if isinstance(error, ResponseParserError):
        found = re.search(r"<title>(\d+)", str(error))
        return found[1] if found else "no answer of AWS"
    return error.response["Error"]["Code"]


def items_of(lab, row, region, known):
    client = lab.client(row["service"], region)
    request = filled(json.loads(row["request"] or "{}"), known)
    # The expression may itself speak of the region.
    expression = row["items"].replace("{region}", region)
    found = []
    for page in pages(client, row["operation"], request):
        page = {key: one for key, one in page.items() if key != "ResponseMetadata"}
        some = jmespath.search(expression, page)
        found += some if isinstance(some, list) else [some] if some is not None else []
    return found


def places(lab, row):
    """Pairs of the region to ask and whether its items belong to it."""
    if row["where"].startswith("global"):
        return [(row["where"].removeprefix("global").strip() or lab.regions[0], False)]
    if row["where"]:
        return [(lab.regions[0], True)]
    return [(region, True) for region in lab.regions]


def look(lab, only=None):
    """Asks for every row; a row whose parent is not served is not served either."""
    view = View()
    table = rows()
    by_type = {row["type"]: row for row in table}

    def ask(row):
        if row["type"] in view.ids:
            return
        view.ids[row["type"]], view.items[row["type"]] = [], []
        if row["parent"]:
            ask(by_type[row["parent"]])
            above = view.items[row["parent"]]
            if row["parent"] in view.unserved:
                view.unserved[row["type"]] = view.unserved[row["parent"]]
                return
        else:
            above = [(region, None) for region, _ in places(lab, row)]
        is_regional = all(regional for _, regional in places(lab, row))
        for region, parent in above:
            known = {"account": lab.account, "region": region, "parent": parent}
            try:
                found = items_of(lab, row, region, known)
            except (ClientError, ResponseParserError) as error:
                code = code_of(error)
                if code in row["absent"].split():
                    continue
                if code not in UNSERVED:
                    raise
                view.unserved[row["type"]] = f"{row['service']} {row['operation']}: {code}"
                break
            nameless = [item for item in found if not has_id(row, item, known)]
            if nameless:
                # Another operation's answer: AWS never leaves out what names a resource.
                view.unserved[row["type"]] = f"{row['service']} {row['operation']}: {len(nameless)} items without what names them"
                view.ids[row["type"]], view.items[row["type"]] = [], []
                break
            for item in found:
                view.items[row["type"]].append((region, item))
                place = region if is_regional else None
                if row["where"].startswith("{"):
                    place = value(row["where"].strip("{}"), item, known) or UNNAMED
                view.ids[row["type"]].append((fill(row["id"], item, known), place))

    for row in table:
        if only is None or row["type"] in only:
            ask(row)
    return view
