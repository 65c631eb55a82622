#!/usr/bin/env python3
"""hazards.py SASS…: looks, in what nvdisasm -c prints of a cubin, for registers that are written while a product of a warpgroup reads them, or
read or written while it adds to them: ptxas of CUDA 13.0 does not see to that where a loop begins anew. A line a kernel; exits with 1 where there
are some, which SHOW=1 lists."""
import os
import re
import sys

LABEL = re.compile(r'\s*(\.L_x_\d+):')
INSTRUCTION = re.compile(r'\s+/\*([0-9a-f]+)\*/\s+(@!?U?P\w+ )?\s*([A-Za-z0-9_.]+)\s*(.*?);')
NO_RESULT = ('ST', 'BAR', 'ISETP', 'FSETP', 'DSETP', 'LDGSTS', 'RED', 'R2UR', 'WARP', 'R2P', 'BRA', 'PLOP')
TWO_REGISTERS = ('DADD', 'DMUL', 'DFMA', 'CS2R', 'IMAD.WIDE', 'F2F.F64')


def read(section):
    """The instructions of a kernel, and which may follow each."""
    instructions, labels = [], {}
    for line in section.split('\n'):
        if m := LABEL.match(line):
            labels[m.group(1)] = len(instructions)
        elif m := INSTRUCTION.match(line):
            instructions.append(m.groups())
    following = []
    for i, (_, guard, operation, operands) in enumerate(instructions):
        next_ones = []
        if operation.startswith('BRA'):
            m = re.search(r'\.L_x_\d+', operands)
            if m and m.group() in labels:
                next_ones.append(labels[m.group()])
            if guard or re.match(r'!?U?P\d', operands.strip()):
                next_ones.append(i + 1)
        elif not operation.startswith(('EXIT', 'RET')) or guard:
            next_ones.append(i + 1)
        following.append([j for j in next_ones if j < len(instructions)])
    return instructions, following


def results(operation, operands):
    m = re.match(r'R(\d+)', operands.split(',')[0].strip())
    if operation.startswith(NO_RESULT) or not m:
        return []
    count = 4 if '.128' in operation else 2 if '.64' in operation or operation.startswith(TWO_REGISTERS) else 1
    return range(int(m.group(1)), int(m.group(1)) + count)


def after(busy, operation, operands, report):
    """The registers that products are under way with after an instruction, which it is told of that should not be."""
    if operation.startswith('WARPGROUP.DEPBAR'):
        return frozenset()
    if operation.startswith('HGMMA'):
        columns = int(re.search(r'64x(\d+)x16', operation).group(1))
        factors = [part.strip() for part in operands.split(',')]
        sums = int(re.match(r'R(\d+)', factors[0]).group(1))
        busy |= {('sum', r) for r in range(sums, sums + columns // 2)}
        if m := re.match(r'R(\d+)', factors[1]):
            busy |= {('factor', r) for r in range(int(m.group(1)), int(m.group(1)) + 4)}
        return busy
    written = results(operation, operands)
    for r in map(int, re.findall(r'\bR(\d+)\b', operands)):
        if ('sum', r) in busy or r in written and ('factor', r) in busy:
            report(r)
    return busy


def hazards(section):
    instructions, following = read(section)
    states, work, found = [None] * len(instructions), [0], set()
    states[0] = frozenset()
    while work:
        i = work.pop()
        address, _, operation, operands = instructions[i]
        busy = after(states[i], operation, operands, lambda r: found.add(f'{address} {operation} {operands}: R{r}'))
        for j in following[i]:
            joined = busy | (states[j] or frozenset())
            if states[j] is None or joined != states[j]:
                states[j] = joined
                work.append(j)
    return sorted(found)


def main():
    some = False
    for path in sys.argv[1:]:
        for section in re.split(r'\.section\s+\.text\.', open(path).read())[1:]:
            if 'HGMMA' not in section:
                continue
            found = hazards(section)
            some = some or bool(found)
            print(f'{path}: {section.split(",")[0].strip()}: {len(found)} registers at the wrong time')
            if os.environ.get('SHOW'):
                print('\n'.join('    ' + line for line in found))
    sys.exit(some)


main()
