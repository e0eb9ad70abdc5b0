from itertools import combinations
from pathlib import Path

from tests.cluster.layout import NUMBERS, Layout

LAYOUTS = [Layout(Path("/instances/some"), number) for number in NUMBERS]


def test_no_two_clusters_share_an_address() -> None:
    assert not any(one.network.overlaps(other.network) for one, other in combinations(LAYOUTS, 2))


def test_a_clusters_ranges_lie_apart_within_its_own() -> None:
    for layout in LAYOUTS:
        ranges = (layout.link_network, layout.service_network, layout.pod_network)
        assert all(each.subnet_of(layout.network) for each in ranges)
        assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))


def test_a_links_name_is_one_that_the_kernel_takes() -> None:
    assert max(len(layout.link) for layout in LAYOUTS) <= 15
