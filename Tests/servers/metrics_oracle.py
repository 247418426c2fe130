"""Reads metrics from standard input by both of prometheus_client's parsers, OpenMetrics and the older text format, which must find
the same samples. Prints each sample as `name label=value … number`, sorted."""
import sys

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as older

text = sys.stdin.read()


def samples(families):
    found = []
    for family in families:
        for sample in family.samples:
            labels = "".join(f" {name}={value}" for name, value in sorted(sample.labels.items()))
            found.append(f"{sample.name}{labels} {sample.value:.15g}")
    return sorted(found)


families = list(openmetrics.text_string_to_metric_families(text))
new, old = samples(families), samples(older.text_string_to_metric_families(text))
if new != old:
    sys.exit(f"the parsers differ: {set(new) ^ set(old)}")
for family in families:
    if not family.documentation.endswith("."):
        sys.exit(f"{family.name} is not explained")
    if family.unit and not family.name.endswith("_" + family.unit):
        sys.exit(f"{family.name} does not end with its unit")
print("\n".join(new))
