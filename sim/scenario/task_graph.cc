#include "sim/scenario/task_graph.h"

#include <algorithm>
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/depth_first_search.hpp>
#include <boost/graph/graphviz.hpp>
#include <queue>
#include <sstream>

#include "runtime/common/assert.h"
#include "runtime/common/settings.h"

namespace orrery {

namespace {

// Compressed rows: four bytes per edge, and successors always in the same order.
using Graph = boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property,
                                                 boost::no_property, uint32_t, uint32_t>;

// Keeps the first cycle that a depth-first search closes.
class CycleFinder : public boost::default_dfs_visitor {
 public:
  CycleFinder(std::vector<uint32_t>& parents, std::vector<uint32_t>& cycle) : parents_(parents), cycle_(cycle) {}
  void tree_edge(const Graph::edge_descriptor& e, const Graph& g) { parents_[target(e, g)] = source(e, g); }
  void back_edge(const Graph::edge_descriptor& e, const Graph& g) {
    if (!cycle_.empty()) return;
    const uint32_t first = target(e, g);
    for (uint32_t v = source(e, g); v != first; v = parents_[v]) cycle_.push_back(v);
    cycle_.push_back(first);
    std::reverse(cycle_.begin(), cycle_.end());
    cycle_.push_back(first);
  }

 private:
  std::vector<uint32_t>& parents_;
  std::vector<uint32_t>& cycle_;
};

std::vector<uint32_t> FindCycle(const Graph& graph) {
  std::vector<uint32_t> parents(num_vertices(graph)), cycle;
  boost::depth_first_search(graph, boost::visitor(CycleFinder(parents, cycle)));
  return cycle;
}

// Kahn's algorithm with a heap, so that the order is the one a reader of the file expects. Shorter than n on a cycle.
std::vector<int64_t> SortTopologically(const Graph& graph) {
  const uint32_t n = static_cast<uint32_t>(num_vertices(graph));
  std::vector<uint32_t> waits(n, 0);
  for (auto [e, end] = edges(graph); e != end; ++e) ++waits[target(*e, graph)];
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;
  for (uint32_t v = 0; v < n; ++v) {
    if (waits[v] == 0) ready.push(v);
  }
  std::vector<int64_t> order;
  order.reserve(n);
  while (!ready.empty()) {
    const uint32_t v = ready.top();
    ready.pop();
    order.push_back(v);
    for (auto [w, end] = adjacent_vertices(v, graph); w != end; ++w) {
      if (--waits[*w] == 0) ready.push(*w);
    }
  }
  return order;
}

}  // namespace

struct TaskGraph::Impl {
  std::vector<std::string> names;
  Graph graph;
  std::vector<int64_t> order;
};

Result<TaskGraph> TaskGraph::Build(std::vector<std::string> names, std::vector<Edge> edges) {
  const auto n = static_cast<int64_t>(names.size());
  for (const Edge& edge : edges) {
    if (edge.before >= 0 && edge.before < n && edge.after >= 0 && edge.after < n) continue;
    return Status(StatusCode::kInvalidArgument, "an edge names a task that does not exist");
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<std::pair<uint32_t, uint32_t>> pairs;
  pairs.reserve(edges.size());
  for (const Edge& edge : edges)
    pairs.emplace_back(static_cast<uint32_t>(edge.before), static_cast<uint32_t>(edge.after));
  auto impl = std::make_shared<Impl>();
  impl->names = std::move(names);
  impl->graph = Graph(boost::edges_are_sorted, pairs.begin(), pairs.end(), static_cast<uint32_t>(n));
  impl->order = SortTopologically(impl->graph);
  if (static_cast<int64_t>(impl->order.size()) < n) {
    std::string path;
    for (const uint32_t v : FindCycle(impl->graph)) path += (path.empty() ? "" : " -> ") + impl->names[v];
    return Status(StatusCode::kInvalidArgument, "the tasks wait for each other: " + path);
  }
  return TaskGraph(std::move(impl));
}

int64_t TaskGraph::size() const { return static_cast<int64_t>(impl_->names.size()); }

const std::vector<int64_t>& TaskGraph::TopologicalOrder() const { return impl_->order; }

TaskGraph::CriticalPath TaskGraph::FindCriticalPath(const std::vector<Duration>& durations) const {
  ORRERY_ASSERT(static_cast<int64_t>(durations.size()) == size());
  CriticalPath path;
  if (durations.empty()) return path;
  std::vector<int64_t> start(durations.size(), 0), from(durations.size(), -1);
  int64_t last = -1, longest = -1;
  for (const int64_t v : impl_->order) {
    const int64_t finish = start[static_cast<size_t>(v)] + durations[static_cast<size_t>(v)].ns;
    if (finish > longest || (finish == longest && v < last)) {
      longest = finish;
      last = v;
    }
    for (auto [w, end] = adjacent_vertices(static_cast<uint32_t>(v), impl_->graph); w != end; ++w) {
      const bool later = finish > start[*w] || from[*w] < 0 || (finish == start[*w] && v < from[*w]);
      if (!later) continue;
      start[*w] = finish;
      from[*w] = v;
    }
  }
  path.length = Duration{longest};
  for (int64_t v = last; v >= 0; v = from[static_cast<size_t>(v)]) path.tasks.push_back(v);
  std::reverse(path.tasks.begin(), path.tasks.end());
  return path;
}

Duration TaskGraph::WorkBound(const std::vector<Duration>& durations, int64_t cores) {
  ORRERY_ASSERT(cores > 0);
  int64_t total = 0;
  for (const Duration duration : durations) total += duration.ns;
  return Duration{(total + cores - 1) / cores};
}

std::string TaskGraph::ToGraphviz(const std::vector<Duration>& durations) const {
  std::ostringstream out;
  const auto write_vertex = [&](std::ostream& stream, uint32_t v) {
    std::string label = impl_->names[v];
    if (v < durations.size()) label += "\n" + ToString(durations[v]);
    stream << "[label=" << boost::escape_dot_string(label) << "]";
  };
  boost::write_graphviz(out, impl_->graph, write_vertex);
  return out.str();
}

}  // namespace orrery
