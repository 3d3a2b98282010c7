#pragma once

namespace gantry::test {

/// Adds to what this program has counted for the running test case. At its end a line of each test case goes to the file that
/// GANTRY_FAULT_REPORT names; `test.sh --faults` sums them up.
/// \param injected requests that met a fault, or connections that a line broke \param endured those of them after which the operation
/// succeeded all the same \param checks of the invariant
void tally(unsigned injected, unsigned endured, unsigned checks);

}  // namespace gantry::test
