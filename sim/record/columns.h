// The tables of a result folder: their columns, with unit and meaning. Headers and columns.json come from here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace orrery {

struct Column {
  std::string_view name;
  std::string_view unit;     // "s", "B", "count", "fraction"; "" for names and ratios
  std::string_view meaning;
};

struct TableSpec {
  std::string_view stem;     // file name without .csv
  std::vector<Column> columns;
};

// All tables, in the order of columns.json.
const std::vector<TableSpec>& Tables();
// Asserts that the table exists.
const TableSpec& TableOf(std::string_view stem);
// "task_id,name,…\n".
std::string HeaderRow(const TableSpec& table);
// columns.json: file → column → {unit, meaning}.
std::string ColumnsJson();

}  // namespace orrery
