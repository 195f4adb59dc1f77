"""Oracle: the text of the threshold rules once more, as plainly as it goes, to compare with."""

NAMES = ("low", "medium", "high")
RANK = {"ok": 0, "low": 1, "medium": 2, "high": 3}
WORSE = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def told(rules, values):
    """Yield (priority before, what is said, priority after) for each value."""
    oracle = _Oracle(rules)
    for value in values:
        before = oracle.priority
        yield before, oracle.hear(value), oracle.priority


class _Oracle:
    def __init__(self, rules):
        self.rules = rules
        self.levels = [name for name in NAMES if name in rules["levels"]]
        self.priority = "ok"
        self.forget()

    def forget(self):
        self.streak = dict.fromkeys(NAMES, 0)
        self.clears = 0

    def hear(self, value):
        bounds, is_worse = self.rules["levels"], WORSE[self.rules["op"]]
        broken = [name for name in self.levels if is_worse(value, bounds[name])]
        resolve = self.rules.get("resolve", bounds[self.levels[0]])
        if broken:
            return self.bad(broken[-1])
        if not is_worse(value, resolve):
            return self.good()
        self.forget()
        return "gap"

    def good(self):
        clears = self.clears + 1
        self.forget()
        if self.priority == "ok":
            return "unchanged"
        if clears == self.rules["clears"]:
            self.priority = "ok"
            return "resolved"
        self.clears = clears
        return "counting"

    def bad(self, grade):
        if grade == self.priority:
            self.forget()
            return f"repeated {grade}" if self.rules["repeat"] else "unchanged"
        self.clears = 0
        for name in NAMES:
            is_in = name in self.levels and RANK[name] <= RANK[grade]
            if RANK[grade] > RANK[self.priority]:
                is_in = is_in and RANK[name] > RANK[self.priority]
            self.streak[name] = self.streak[name] + 1 if is_in else 0
        full = [name for name in NAMES if self.streak[name] >= self.rules["breaches"]]
        return self.become(full[-1]) if full else "counting"

    def become(self, priority):
        word = "raised" if RANK[priority] > RANK[self.priority] else "lowered"
        if self.priority == "ok":
            word = "opened"
        self.priority = priority
        self.forget()
        return f"{word} {priority}"
