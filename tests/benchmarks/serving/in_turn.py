"""A plain consumer: takes a batch, decodes, predicts, sends and commits it, and only then takes the next.

It does with a batch what the worker does, by the worker's classifier and on all processors; it lacks only
that the steps overlap, and what the worker does about faults.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from catdog_common.environment import read_environment
from catdog_common.messages import Model, build_answer, event_source, write_answer
from catdog_common.processors import available_processors
from catdog_inference.__main__ import load_predictor
from catdog_inference.classify import Classifier, Prediction
from catdog_inference.config import Config
from catdog_inference.health import Health
from catdog_inference.kafka import new_consumer, new_producer
from catdog_inference.metrics import Metrics
from catdog_inference.pipeline import DECODED_TOGETHER
from catdog_inference.service import parse_record


async def run(config: Config, classifier: Classifier) -> None:
    """Answer without end."""
    model = Model(config.model_name, config.model_version)
    source = event_source(config.kafka_cluster, config.model_namespace, config.model_name)
    consumer, producer = new_consumer(config), new_producer(config)
    consumer.subscribe([config.input_topic])
    await producer.start()
    await consumer.start()
    while True:
        batch = await consumer.getmany(timeout_ms=200, max_records=config.max_batch_size)
        records = [parse_record(record) for of_partition in batch.values() for record in of_partition]
        values = [record.value for record in records]
        parts = [
            values[start : start + DECODED_TOGETHER] for start in range(0, len(values), DECODED_TOGETHER)
        ]
        decoded = chain.from_iterable(await asyncio.gather(*map(classifier.decode, parts)))
        sendings = []
        for record, verdict in zip(records, await classifier.predict(list(decoded)), strict=True):
            assert isinstance(verdict, Prediction)
            answer = build_answer(record, verdict.label, verdict.probabilities, model)
            sent = write_answer(answer, record, source, config.output_topic)
            sendings.append(
                await producer.send(sent.topic, sent.value, key=sent.key, headers=list(sent.headers))
            )
        await asyncio.gather(*sendings)
        if records:
            await consumer.commit()


def main() -> None:
    """Read the worker's environment and answer."""
    config, processors = read_environment(Config, os.environ), available_processors()
    with ThreadPoolExecutor(processors) as computing:
        classifier = Classifier(
            load_predictor(config, processors),
            max_image_bytes=config.max_image_bytes,
            computing=computing,
            metrics=Metrics(),
            health=Health(),
        )
        asyncio.run(run(config, classifier))


if __name__ == "__main__":
    main()
