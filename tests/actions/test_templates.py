"""Templates: what is written, what is refused, and what values cannot do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.actions.values import detection, event, firing
from workflow_engine.actions import Escape, compile_template
from workflow_engine.exceptions import InvalidTemplate
from workflow_engine.types.secrets import Secrets

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=8,
)


def render(text: str, data: object = None, escape: Escape = Escape.NONE) -> str:
    facts = firing(event=event(data=data)).facts
    return compile_template(text).render(facts, escape).text


@pytest.mark.parametrize(
    ("text", "data", "rendered"),
    [
        ("no slot", None, "no slot"),
        ("", None, ""),
        ("{{ data.a }}", {"a": "x"}, "x"),
        ("<{{data.a}}>", {"a": 7}, "<7>"),
        ("{{ data.a }}{{ data.a }}", {"a": 1.0}, "1.01.0"),
        ("{{ data.a }}", {"a": None}, ""),
        ("{{ data.a }}", {"a": True}, "true"),
        ("{{ data.a }}", {"a": {"b": ["ä", 1]}}, '{"b":["ä",1]}'),
        ('{{ data."a}} b|c" }}', {"a}} b|c": 3}, "3"),
        ("{{ data.l.*.n }}", {"l": [{"n": 1}, {}, {"n": 2}]}, "[1,2]"),
        ("}} { {", None, "}} { {"),
        ('{{ data.a|default:"none" }}', {}, "none"),
        ('{{ data.a|default:"none" }}', {"a": None}, "none"),
        ('{{ data.a|default:"none" }}', {"a": ""}, "none"),
        ('{{ data.a|default:"none" }}', {"a": 0}, "0"),
        ('{{ data.a|default:"none" }}', {"a": False}, "false"),
        (r'{{ data.a|default:"a \"b\" \\ }} |" }}', {}, r'a "b" \ }} |'),
        ("{{ data.a|upper }}", {"a": "straße"}, "STRASSE"),
        ("{{ data.a|lower }}", {"a": "ABC"}, "abc"),
        ('{{ data.a|truncate:"4" }}', {"a": "abcd"}, "abcd"),
        ('{{ data.a|truncate:"4" }}', {"a": "abcde"}, "abc…"),
        ('{{ data.a|truncate:"1" }}', {"a": "abcde"}, "…"),
        ('{{ data.a|join:" + " }}', {"a": ["x", 1, None]}, "x + 1 + "),
        ("{{ data.a|join }}", {"a": ["x", "y"]}, "x, y"),
        ("{{ data.a|join }}", {"a": "xy"}, "xy"),
        ('{{ time|date:"Y-m-d H:i" }}', None, "2026-01-05 09:00"),
        ("{{ time|date }}", None, "2026-01-05 09:00 UTC"),
        ('{{ data.a|date:"H:i" }}', {"a": "2026-01-05T23:30:00-02:00"}, "01:30"),
        ('{{ data.a|date:"Y" }}', {"a": "yesterday"}, "yesterday"),
        ("{{ data.a|json }}", {"a": 'x"y'}, r'"x\"y"'),
        ('{{ data.a | upper|truncate : "3" }}', {"a": "abcde"}, "AB…"),
        ("{{\n data.a\n}}", {"a": 1}, "1"),
        ("{{ subject }} {{ time }}", None, "cart-7 2026-01-05T09:00:00Z"),
        (
            "{{ workflow.name }} ({{ workflow.slug }})",
            None,
            "Tell the team (tell-the-team)",
        ),
        ("{{ firing.action }} {{ firing.purpose }}", None, "email-ops trigger"),
        ("{{ detection.priority }} {{ detection.value }}", None, "high 9"),
    ],
)
def test_render__values(text: str, data: object, rendered: str) -> None:
    assert render(text, data) == rendered


def test_render__missing_is_empty_and_noted_once() -> None:
    template = compile_template("{{ data.a }}-{{ data.a|upper }}-{{ data.b.c }}")

    rendered = template.render(firing(event=event(data={})).facts)

    assert rendered.text == "--"
    assert rendered.missing == ("data.a", "data.b.c")
    assert rendered.notes == ("data.a is missing", "data.b.c is missing")


def test_render__missing_with_a_default_is_not_noted() -> None:
    template = compile_template('{{ data.a|default:"x" }}')

    rendered = template.render(firing(event=event(data={})).facts)

    assert rendered.notes == ()


def test_render__no_detection() -> None:
    template = compile_template("{{ detection.value }}{{ firing.uuid }}{{ now }}")

    rendered = template.render(firing(detection=None).facts)

    assert rendered.missing == ("detection.value",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ab {{ data.x", "Template has '{{' without its end at character 4;"),
        ("{{ data.x }", "'{{' without its end at character 1"),
        ('{{ data."x }}', "'{{' without its end at character 1"),
        ("{{ data.{x} }}", "'{{' without its end at character 1"),
        ("{{}}", "no path at character 3; write {{ data.name }}"),
        ("{{ |upper }}", "no path at character 3"),
        ("{{ user.name }}", "begins with 'user'; begin it with one of"),
        ("{{ data..x }}", "Path 'data..x' has an empty segment"),
        ("{{ data.x.__class__() y }}", "Path 'data.x.__class__() y' has ' '"),
        ("x {% if data.x %}", "'{%' at character 3; there are no tags"),
        (
            "{{ data.x|safe }}",
            "filter 'safe' at character 10; use one of default, upper",
        ),
        ('{{ data.x|upper:"a" }}', "filter 'upper' with an argument"),
        ("{{ data.x|default }}", "filter 'default' without an argument"),
        ("{{ data.x|default:x }}", "it takes a text: |default:"),
        ("{{ data.x|join:x }}", "':x ' at character 15; write |name"),
        ('{{ data.x|truncate:"0" }}', "whole number from 1"),
        ('{{ data.x|truncate:"many" }}', "whole number from 1"),
        ('{{ data.x|truncate:"٣" }}', "whole number from 1"),
        ("x" * 10_001, "Template is 10001 characters, at most 10000."),
    ],
)
def test_compile_template__refused_with_place_and_cure(text: str, message: str) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        compile_template(text)

    assert message in str(refused.value)


def test_compile_template__longest_is_fine() -> None:
    assert render("x" * 10_000) == "x" * 10_000


def test_compile_template__kept() -> None:
    assert compile_template("{{ data.kept }}") is compile_template("{{ data.kept }}")


@pytest.mark.parametrize(
    ("escape", "value", "rendered"),
    [
        (Escape.HTML, "<b>&\"'", "&lt;b&gt;&amp;&quot;&#x27;"),
        (Escape.JSON_STRING, 'a"b\\\n', r"a\"b\\\n"),
        (Escape.NONE, '<b>"', '<b>"'),
    ],
)
def test_render__escape(escape: Escape, value: str, rendered: str) -> None:
    assert render("<i>{{ data.a }}", {"a": value}, escape) == f"<i>{rendered}"


@given(values)
def test_render__html_has_no_markup_from_values(value: object) -> None:
    rendered = render(
        "{{ data.a }}{{ data.a|json }}{{ data.a|join }}", {"a": value}, Escape.HTML
    )

    assert not set(rendered) & set("<>\"'")


@given(values)
def test_render__json_string_always_parses(value: object) -> None:
    text = '{"a": "{{ data.a }}", "b": ["{{ data.a|json }}"]}'

    rendered = json.loads(render(text, {"a": value}, Escape.JSON_STRING))

    assert json.loads(rendered["b"][0]) == value


@given(texts)
def test_render__text_arrives_as_it_is(text: str) -> None:
    rendered = render('"{{ data.a }}"', {"a": text}, Escape.JSON_STRING)

    assert json.loads(rendered) == text


@given(
    text=st.text(alphabet='<"&a\nä', max_size=30),
    limit=st.integers(min_value=0, max_value=40),
    escape=st.sampled_from(Escape),
)
def test_render__cut_at_the_limit_outside_of_escapes(
    text: str, limit: int, escape: Escape
) -> None:
    template = compile_template("{{ data.a }}!")
    facts = firing(event=event(data={"a": text})).facts

    rendered = template.render(facts, escape, limit)

    whole = template.render(facts, escape)
    ends = {
        template.render(firing(event=event(data={"a": text[:n]})).facts, escape).text[
            :-1
        ]
        for n in range(len(text) + 1)
    }
    assert rendered.is_cut == (len(whole.text) > limit)
    assert rendered.text == (
        max((end for end in ends if len(end) <= limit), key=len)
        if rendered.is_cut
        else whole.text
    )


def test_render__longest_rendering() -> None:
    facts = firing(event=event(data="x" * 60_000)).facts

    rendered = compile_template("{{ data }}{{ data }}{{ data.a }}").render(facts)

    assert rendered.text == "x" * 65_536
    assert rendered.notes == ("cut at 65536 characters",)


def test_firing_render__notes_what_was_missing() -> None:
    one = firing(event=event(data={}), detection=detection())

    texts = [
        one.render("{{ data.a }}"),
        one.render("{{ data.a }}{{ detection.value }}"),
    ]

    assert texts == ["", "9"]
    assert one.notes == ["data.a is missing"]


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("1 {{ data.token }} 1", "1 [redacted] 1"),
        ("{{ data.token.inside.0 }}", ""),
        ("{{ data.login.PassWord.first }}", "[redacted]"),
        ('{{ data.token|truncate:"3"|upper }}', "[redacted]"),
        ('{{ data.token_2|default:"none" }}', "none"),
        ("{{ data.list.*.token }}", "[redacted]"),
        ("{{ data.list }}", '[{"token":"[redacted]","n":1}]'),
        ("{{ data.list.*.n }}", "[1]"),
        ("{{ detection.value }} {{ detection.priority }}", "9 high"),
    ],
)
def test_render__keeping_secrets_out(text: str, rendered: str) -> None:
    data = {
        "token": "1",
        "login": {"password": {}, "PassWord": {"first": "h"}},
        "list": [{"token": "t", "n": 1}],
    }
    facts = firing(event=event(data=data)).facts
    secrets = Secrets(["Password", "token"], value_path="data.amount")

    assert compile_template(text).render(facts, secrets=secrets).text == rendered


@pytest.mark.parametrize("path", ["detection.value", "detection", 'detection."value"'])
def test_render__keeping_a_measured_secret_out(path: str) -> None:
    secrets = Secrets(["token"], value_path="data.token")
    text = f"{{{{ {path} }}}} {{{{ detection.priority }}}}"

    rendered = compile_template(text).render(firing().facts, secrets=secrets).text

    assert rendered == "[redacted] high"
