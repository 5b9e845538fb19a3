// The bound on bytes moved: against a min-cost flow where no object is shared, against all placements where some are.
#include "sim/workload/transfer_bound.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/successive_shortest_path_nonnegative_weights.hpp>
#include <boost/range/iterator_range.hpp>
#include <set>

#include "runtime/common/random.h"

namespace orrery {
namespace {

using Task = TransferProblem::Task;

// Bytes that a placement moves: each object once to each node where a task takes it and it was not made.
int64_t Moved(const TransferProblem& problem, const std::vector<int64_t>& nodes) {
  std::set<std::pair<int64_t, int64_t>> sent;
  for (size_t t = 0; t < nodes.size(); ++t) {
    for (const int64_t object : problem.tasks[t].objects) {
      if (problem.objects[static_cast<size_t>(object)].node != nodes[t]) sent.emplace(object, nodes[t]);
    }
  }
  int64_t bytes = 0;
  for (const auto& [object, node] : sent) bytes += problem.objects[static_cast<size_t>(object)].bytes;
  return bytes;
}

// The best of all placements on `nodes` nodes, with each node taking at most `room` tasks.
int64_t Optimum(const TransferProblem& problem, int64_t nodes, size_t room) {
  std::vector<int64_t> placed(problem.tasks.size(), 0);
  int64_t best = INT64_MAX;
  while (true) {
    bool fits = true;
    for (size_t t = 0; t < placed.size(); ++t) {
      fits = fits && (problem.tasks[t].node < 0 || problem.tasks[t].node == placed[t]);
      fits = fits && static_cast<size_t>(std::count(placed.begin(), placed.end(), placed[t])) <= room;
    }
    if (fits) best = std::min(best, Moved(problem, placed));
    size_t at = 0;
    while (at < placed.size() && ++placed[at] == nodes) placed[at++] = 0;
    if (at == placed.size()) return best;
  }
}

TransferProblem RandomProblem(Random& random, bool shared) {
  TransferProblem problem;
  for (int i = 0; i < 6; ++i)
    problem.objects.push_back({static_cast<int64_t>(random.Below(1000)) + 1, static_cast<int64_t>(random.Below(3))});
  for (int t = 0; t < 5; ++t) {
    Task task;
    for (int64_t o = 0; o < 6; ++o) {
      if (shared ? random.Below(3) == 0 : o % 5 == t) task.objects.push_back(o);
    }
    if (shared && random.Below(4) == 0) task.node = static_cast<int64_t>(random.Below(3));
    problem.tasks.push_back(task);
  }
  return problem;
}

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using Graph = boost::adjacency_list<
    boost::vecS, boost::vecS, boost::directedS, boost::no_property,
    boost::property<boost::edge_capacity_t, int64_t,
                    boost::property<boost::edge_residual_capacity_t, int64_t,
                                    boost::property<boost::edge_reverse_t, Traits::edge_descriptor,
                                                    boost::property<boost::edge_weight_t, int64_t>>>>>;

void AddEdge(Graph& graph, size_t from, size_t to, int64_t capacity, int64_t cost) {
  const auto there = boost::add_edge(from, to, graph).first, back = boost::add_edge(to, from, graph).first;
  boost::put(boost::edge_capacity, graph, there, capacity);
  boost::put(boost::edge_capacity, graph, back, 0);
  boost::put(boost::edge_weight, graph, there, cost);
  boost::put(boost::edge_weight, graph, back, -cost);
  boost::put(boost::edge_reverse, graph, there, back);
  boost::put(boost::edge_reverse, graph, back, there);
}

// source → task (1) → node (1, bytes that are not there) → sink (room).
int64_t MinCostFlow(const TransferProblem& problem, int64_t nodes, int64_t room) {
  const size_t tasks = problem.tasks.size(), sink = tasks + static_cast<size_t>(nodes) + 1;
  Graph graph(sink + 1);
  for (size_t t = 0; t < tasks; ++t) {
    AddEdge(graph, 0, 1 + t, 1, 0);
    for (int64_t n = 0; n < nodes; ++n) {
      int64_t cost = 0;
      for (const int64_t o : problem.tasks[t].objects) {
        const auto& object = problem.objects[static_cast<size_t>(o)];
        if (object.node != n) cost += object.bytes;
      }
      AddEdge(graph, 1 + t, 1 + tasks + static_cast<size_t>(n), 1, cost);
    }
  }
  for (int64_t n = 0; n < nodes; ++n) AddEdge(graph, 1 + tasks + static_cast<size_t>(n), sink, room, 0);
  boost::successive_shortest_path_nonnegative_weights(graph, 0, sink);
  int64_t cost = 0;
  for (const auto edge : boost::make_iterator_range(boost::edges(graph))) {
    const int64_t flow =
        boost::get(boost::edge_capacity, graph, edge) - boost::get(boost::edge_residual_capacity, graph, edge);
    if (flow > 0) cost += flow * boost::get(boost::edge_weight, graph, edge);
  }
  return cost;
}

TEST(TransferBound, EqualsTheMinCostFlowWhereNothingIsShared) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    const TransferProblem problem = RandomProblem(random, false);
    EXPECT_EQ(TransferLowerBound(problem), MinCostFlow(problem, 3, 5));
    EXPECT_EQ(TransferLowerBound(problem), Optimum(problem, 3, 5));
    EXPECT_LE(TransferLowerBound(problem), MinCostFlow(problem, 3, 2)) << "nodes with little room only cost more";
  }
}

TEST(TransferBound, IsNeverAboveTheBestPlacement) {
  Random random(8);
  int64_t bounds = 0, optima = 0;
  for (int round = 0; round < 400; ++round) {
    const TransferProblem problem = RandomProblem(random, true);
    const int64_t bound = TransferLowerBound(problem), optimum = Optimum(problem, 3, 5);
    ASSERT_LE(bound, optimum) << "round " << round;
    bounds += bound;
    optima += optimum;
  }
  EXPECT_GT(bounds, optima / 2) << "a bound that says little is of little use";
}

TEST(TransferBound, BoundTasksPayOncePerNode) {
  TransferProblem problem;
  problem.objects = {{100, 0}};
  problem.tasks = {{{0}, 0}, {{0}, 1}, {{0}, 1}, {{0}, 2}};
  EXPECT_EQ(TransferLowerBound(problem), 200);
}

TEST(TransferBound, UnknownPlacesCostNothing) {
  TransferProblem problem;
  problem.objects = {{100, TransferProblem::kAnywhere}, {50, 0}, {70, 1}};
  problem.tasks = {{{0, 1, 2}, TransferProblem::kAnywhere}};
  EXPECT_EQ(TransferLowerBound(problem), 50);
}

}  // namespace
}  // namespace orrery
