"""Prints the scalars of an event directory as TensorBoard itself reads them: tag, step, time and value a line."""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
events.Reload()
print("version", events.file_version)
for tag in sorted(events.Tags()["scalars"]):
    for point in events.Scalars(tag):
        print(tag, point.step, point.wall_time, point.value)
