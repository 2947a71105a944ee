#include "panel.hpp"

#include <catch2/catch.hpp>

using aiperf::programs::panel;

TEST_CASE("a panel is a box as wide as its longest line, with its title in the upper edge") {
    CHECK(panel("Hey", {"a longer line", "b"}) ==
          "╭───── Hey ─────╮\n"
          "│ a longer line │\n"
          "│ b             │\n"
          "╰───────────────╯");
    CHECK(panel("Title", {"x"}) ==
          "╭─ Title ─╮\n"
          "│ x       │\n"
          "╰─────────╯");
}
