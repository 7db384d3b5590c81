"""What every refusal must look like (RFC 9457), and the product's own table of errors."""
import re

from harness import ROOT

ROW = re.compile(r'X\((\w+),\s*(\d+),\s*(\d+),\s*"([a-z0-9-]+)",\s*([01]),\s*((?:"[^"]*"\s*)+)\)')
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def error_table():
    """slug → (status, retryable) of what can cross the wire, read from
    include/timeglas/errors.h."""
    table = (ROOT / "include" / "timeglas" / "errors.h").read_text()
    rows = ROW.findall(table.replace("\\\n", " "))
    assert len(rows) > 30
    return {
        slug: (int(status), retry == "1") for _, _, status, slug, retry, _ in rows if status != "0"
    }


ERRORS = error_table()


def check_problem(answer, status, slug, cause=None):
    """A whole problem document of that kind; gone_at and cause exactly where due. Returns its
    members."""
    assert answer.status == status, f"{status} {slug} was due: {answer!r}"
    assert answer["Content-Type"].split(";")[0] == "application/problem+json", answer
    problem = answer.json()
    assert problem["type"] == f"/problems/{slug}", problem
    assert ERRORS[slug][0] == status and problem["status"] == status
    assert isinstance(problem["title"], str) and problem["title"]
    assert (
        isinstance(problem["detail"], str) and len(problem["detail"].split()) >= 4
    ), "a sentence that says what to do"
    if status in (429, 503, 507):
        assert answer["Retry-After"].isdigit() and int(answer["Retry-After"]) >= 1, answer
    if status == 410:
        assert problem["cause"] == cause and TIME.fullmatch(problem["gone_at"]), problem
    else:
        assert "cause" not in problem and "gone_at" not in problem, problem
    return problem
