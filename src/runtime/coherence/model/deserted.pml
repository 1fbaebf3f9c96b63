/*
 * That an orphan is not left for ever: its writer has died, and of two members, which take it over and wait for each other, one
 * goes on and the other may stop for good at any time. All messages are lost, but no renewal and no bus. Asked of every schedule
 * in which each process that can go on does so at some time.
 *
 * waits for ever: NOADOPT
 */
#define CHANGES 1
#define MEMBERS 2
#define WAITERS 2
#define MAY_STOP(m) (m == 1)
#define CALM

bool ended;
bool adopts[2];
#ifndef MUTANT_NOADOPT
#define ADOPT(m) adopts[m] = adopts[m] || saw[0]
#endif

#include "cluster.pml"

proctype Adopter(byte m; byte other) {
  do
  :: adopts[m] ->
     d_step {
       look(m, m)
     };
     do
     :: fence(m, 0, other)
     :: atomic {
          !WAITS(m, 0) ->
          d_step {
            intent[0] = false;
            ended = true;
            adopts[m] = false;
            stop_waiting(m)
          };
          break
        }
     od
  od
}

init {
  atomic {
    intent[0] = true;
    row[0] = true;
    row[1] = true;
    known[0] = true;
    known[1] = true;
    serves[0] = true;
    serves[1] = true;
    run Member(0);
    run Member(1);
    run World(0);
    run World(1);
    run Adopter(0, 1);
    run Adopter(1, 0)
  }
}

ltl ends { <> ended }
