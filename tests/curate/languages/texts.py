"""Sentences of known language."""

import pyarrow as pa

TEXTS = {
    "en": "The committee will meet again in spring, when the report on the harbour is expected to be finished.",
    "de": "Der Ausschuss trifft sich im Frühjahr wieder, wenn der Bericht über den Hafen fertig sein soll.",
    "fr": "La commission se réunira de nouveau au printemps, lorsque le rapport sur le port sera terminé.",
    "sw": "Kamati itakutana tena wakati wa masika, ripoti kuhusu bandari itakapokuwa imekamilika.",
    "ru": "Комитет снова соберётся весной, когда доклад о гавани должен быть готов.",
    "th": "คณะกรรมการจะประชุมอีกครั้งในฤดูใบไม้ผลิ เมื่อรายงานเกี่ยวกับท่าเรือเสร็จสิ้น",
    "zh": "委员会将在春天再次开会，届时关于港口的报告应该已经完成。",
}


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())
