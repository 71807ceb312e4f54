#include "base/budget.h"

bool budget_take(struct budget *budget, size_t bytes)
{
    if (!budget)
        return true;
    size_t before = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
    if (bytes <= budget->max && before <= budget->max - bytes)
        return true;
    budget_give(budget, bytes);
    return false;
}

void budget_give(struct budget *budget, size_t bytes)
{
    if (budget)
        atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

bool budget_is_ample(struct budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed) <= budget->max / 4;
}

bool budget_is_tight(struct budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed) > budget->max / 4 * 3;
}
