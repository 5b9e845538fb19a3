"""Monte-Carlo pi: independent tasks, results added up."""
import random

import orrery as ray

SAMPLES = 200_000


@ray.remote
def inside(seed):
    draw = random.Random(seed).random
    return sum(draw() ** 2 + draw() ** 2 < 1 for _ in range(SAMPLES))


ray.init()
tasks = [inside.remote(seed) for seed in range(8)]
print(f"pi is about {4 * sum(ray.get(tasks)) / (8 * SAMPLES):.2f}")
