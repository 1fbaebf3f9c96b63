/*
 * That nobody waits for ever: one change, and one process that serves from memory, whose renewals go on, go unanswered or end
 * for good. The message and the acknowledgement get lost, or not. Asked of every schedule in which each process that can go on
 * does so at some time.
 *
 * waits for ever: NOSCAN NEVERFENCE
 */
#define CHANGES 1
#define MEMBERS 1
#define WAITERS 1
#define MAY_STOP(m) true

#include "cluster.pml"

bool returned;

proctype Change() {
  byte mine;
  d_step {
    commit(mine);
    intent[0] = true
  };
  d_step {
    look_and_tell(0, 0, NOBODY)
  };
  do
  :: fence(0, 0, 0)
  :: !WAITS(0, 0) -> break
  od;
  returned = true;
  intent[0] = false
}

init {
  atomic {
    row[0] = true;
    known[0] = true;
    serves[0] = true;
    run Member(0);
    run World(0);
    run Change()
  }
}

ltl ends { <> returned }
