#include "sim/workload/flow_bound.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/successive_shortest_path_nonnegative_weights.hpp>
#include <boost/range/iterator_range.hpp>
#include <cmath>

namespace orrery {

namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using Graph = boost::adjacency_list<
    boost::vecS, boost::vecS, boost::directedS, boost::no_property,
    boost::property<boost::edge_capacity_t, int64_t,
                    boost::property<boost::edge_residual_capacity_t, int64_t,
                                    boost::property<boost::edge_reverse_t, Traits::edge_descriptor,
                                                    boost::property<boost::edge_weight_t, int64_t>>>>>;

// Flows and costs are whole numbers, rounded towards a lower bound.
constexpr double kAmounts = 1e3;  // thousandths of a CPU or GPU
constexpr double kPrices = 1e7;

void AddEdge(Graph& graph, size_t from, size_t to, int64_t capacity, int64_t weight) {
  const auto edge = boost::add_edge(from, to, graph).first, back = boost::add_edge(to, from, graph).first;
  boost::put(boost::edge_capacity, graph, edge, capacity);
  boost::put(boost::edge_capacity, graph, back, 0);
  boost::put(boost::edge_weight, graph, edge, weight);
  boost::put(boost::edge_weight, graph, back, -weight);
  boost::put(boost::edge_reverse, graph, edge, back);
  boost::put(boost::edge_reverse, graph, back, edge);
}

// One resource, by its member in loads and nodes.
std::optional<double> CostOfOne(const std::vector<FluidLoad>& loads, const std::vector<FluidNodes>& nodes,
                                double FluidLoad::*asked, double FluidNodes::*had) {
  const size_t source = 0, sink = 1 + loads.size() + nodes.size();
  Graph graph(sink + 1);
  int64_t total = 0, carried = 0;
  for (size_t l = 0; l < loads.size(); ++l) {
    const FluidLoad& load = loads[l];
    const auto amount = static_cast<int64_t>(std::floor(load.*asked * load.running * kAmounts));
    if (amount <= 0) continue;
    total += amount;
    AddEdge(graph, source, 1 + l, amount, 0);
    for (size_t n = 0; n < nodes.size(); ++n) {
      const bool fits = load.cpus <= nodes[n].cpus && load.gpus <= nodes[n].gpus;
      if (fits && nodes[n].*had > 0) AddEdge(graph, 1 + l, 1 + loads.size() + n, amount, 0);
    }
  }
  for (size_t n = 0; n < nodes.size(); ++n) {
    if (nodes[n].*had <= 0) continue;
    const auto capacity =
        static_cast<int64_t>(std::ceil(nodes[n].*had * static_cast<double>(nodes[n].most) * kAmounts));
    const auto price = static_cast<int64_t>(std::floor(nodes[n].price / (nodes[n].*had) * kPrices));
    AddEdge(graph, 1 + loads.size() + n, sink, capacity, price);
  }
  if (total == 0) return 0;
  boost::successive_shortest_path_nonnegative_weights(graph, source, sink);
  double cost = 0;
  for (const auto edge : boost::make_iterator_range(boost::edges(graph))) {
    const int64_t flow =
        boost::get(boost::edge_capacity, graph, edge) - boost::get(boost::edge_residual_capacity, graph, edge);
    if (flow <= 0) continue;
    if (boost::source(edge, graph) == source) carried += flow;
    cost += static_cast<double>(flow) / kAmounts * static_cast<double>(boost::get(boost::edge_weight, graph, edge)) /
            kPrices;
  }
  if (carried < total) return std::nullopt;
  return cost;
}

}  // namespace

std::optional<double> FlowBound(const std::vector<FluidLoad>& loads, const std::vector<FluidNodes>& nodes) {
  const auto cpus = CostOfOne(loads, nodes, &FluidLoad::cpus, &FluidNodes::cpus);
  const auto gpus = CostOfOne(loads, nodes, &FluidLoad::gpus, &FluidNodes::gpus);
  if (!cpus || !gpus) return std::nullopt;
  return std::max(*cpus, *gpus);
}

}  // namespace orrery
