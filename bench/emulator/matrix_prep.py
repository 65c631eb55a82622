"""matrix_prep.py TEXT.cu OUT.inc: turns a rendered kernel text into something that g++ takes, with simt.h before it.

Each asm statement becomes a call of what ASM has for its text, with its operands in their order. Shared memory becomes memory of a block of
exactly its size. Line numbers stay."""
import re
import sys

MMA = 'mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, '
# What does each assembly's work (simt.h): add to both what a kernel newly has.
ASM = {
    MMA + '{%0,%1,%2,%3};': 'emu_mma',
    MMA + '{%10,%10,%10,%10};': 'emu_mma_first',
    'cvt.rn.f16x2.f32 %0, %1, %2;': 'emu_pack',
    '{ .reg .f16 a, b; mov.b32 {a, b}, %2; cvt.f32.f16 %0, a; cvt.f32.f16 %1, b; }': 'emu_unpack',
    '{ .reg .f16 h; cvt.rn.f16.f64 h, %2; mov.b16 %0, h; cvt.f32.f16 %1, h; }': 'emu_half_of',
    '{ .reg .b32 t; mul.rn.f16x2 %0, %2, %4; neg.f16x2 t, %0; fma.rn.f16x2 t, %2, %4, t; fma.rn.f16x2 t, %2, %5, t; fma.rn.f16x2 %1, %3, %4, t; }': 'emu_product',
    'mul.rn.f16x2 %0, %1, %2;': 'emu_mul_halves',
    'add.rn.f16x2 %0, %1, %2;': 'emu_add_halves',
    'sub.rn.f16x2 %0, %1, %2;': 'emu_sub_halves',
    'fma.rn.f16x2 %0, %1, %2, %3;': 'emu_fma_halves',
    'set.gt.u32.f16x2 %0, %1, %2;': 'emu_more_halves',
    'ex2.approx.ftz.f32 %0, %1;': 'emu_exp2',
    'lg2.approx.ftz.f32 %0, %1;': 'emu_log2',
    'sqrt.approx.ftz.f32 %0, %1;': 'emu_root',
    'rsqrt.approx.ftz.f32 %0, %1;': 'emu_root_under',
    'ex2.approx.ftz.f16x2 %0, %1;': 'emu_exp2_halves',
    'ex2.approx.f16x2 %0, %1;': 'emu_exp2_halves',
    'ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];': 'emu_ldmatrix4',
    'ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];': 'emu_ldmatrix2',
    'ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];': 'emu_ldmatrix4_trans',
    'ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];': 'emu_ldmatrix2_trans',
    'cp.async.cg.shared.global [%0], [%1], 16;': 'emu_fetch',
    'cp.async.cg.shared.global [%0], [%1], 16, %2;': 'emu_fetch',
    'cp.async.commit_group;': 'emu_fetch_commit',
    'cp.async.wait_group %0;': 'emu_fetch_wait',
    'cp.async.wait_all;': 'emu_fetch_wait_all',
    'wgmma.fence.sync.aligned;': 'emu_nothing',
    'wgmma.commit_group.sync.aligned;': 'emu_wgmma_commit',
    'fence.proxy.async.shared::cta;': 'emu_nothing',
    'mbarrier.init.shared::cta.b64 [%0], %1;': 'emu_gate_init',
    'mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;': 'emu_gate_expect',
    'cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];': 'emu_fetch_whole',
    'mbarrier.arrive.shared::cta.b64 _, [%0];': 'emu_gate_arrive',
    '{ .reg .pred p; again: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1; @!p bra again; }': 'emu_gate_wait',
    'stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1,%2,%3,%4};': 'emu_stmatrix4_trans',
    'cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;': 'emu_store_whole',
    'cp.async.bulk.commit_group;': 'emu_nothing',
    'cp.async.bulk.wait_group.read 0;': 'emu_store_wait',
}
# Those of warpgroups, whose sums are operands one by one: of what follows each other in memory the first is enough.
WGMMA = r'\{ \.reg \.pred p; \.reg \.b32 h; \.reg \.b64 b; setp\.ne\.b32 p, %\d+, 0; mov\.b32 h, 8; mov\.b64 b, \{%\d+, h\}; wgmma\.mma_async\.sync\.aligned\.m64n(\d+)k16\.f32\.f16\.f16 '

# A barrier of some warps, by its number and theirs; and what changes nothing here.
OTHERS = r'bar\.sync (\d+), (\d+);|setmaxnreg\.(?:inc|dec)\.sync\.aligned\.u32 \d+;'


def fail(why):
    sys.exit('matrix_prep: ' + why)


def without_comments(s):
    return re.sub(r'//[^\n]*', lambda m: ' ' * len(m.group()), s)


def end_of(s, at, opening='{', closing='}'):
    depth = 0
    for i in range(at, len(s)):
        depth += (s[i] == opening) - (s[i] == closing)
        if depth == 0 and s[i] == closing:
            return i
    fail('no end of ' + s[at:at + 60])


def names_of(parameters):
    names = []
    for p in re.split(r',(?![^(]*\))', parameters):
        p = p.strip()
        if p:
            names.append(re.search(r'\(\s*&\s*(\w+)\s*\)', p).group(1) if re.search(r'\(\s*&', p) else re.search(r'(\w+)(\s*\[[^]]*\])*$', p).group(1))
    return names


def operands(text):
    """The expressions of "constraint"(expression), …"""
    all, at = [], 0
    for m in re.finditer(r'"[^"]*"\s*\(', text):
        if m.start() >= at:
            at = end_of(text, m.end() - 1, '(', ')') + 1
            all.append(text[m.end():at - 1].strip())
    return all


def emulate(s):
    """Puts emulations where asm statements are."""
    out, at = '', 0
    for m in re.finditer(r'\b(?:asm|__asm__)\b\s*(?:volatile|__volatile__)?\s*\(', s):
        literals = re.compile(r'\s*((?:"(?:[^"\\]|\\.)*"\s*)+)').match(s, m.end())
        end = end_of(re.sub(r'"(?:[^"\\]|\\.)*"', lambda q: '"' + ' ' * (len(q.group()) - 2) + '"', s), m.end() - 1, '(', ')')
        code = ' '.join(''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals.group(1))).replace('\\n', ' ').replace('\\t', ' ').split())
        name = ASM.get(code) or ASM.get(code + ';') or ASM.get(re.sub(r'([{,]) (?=%)', r'\1', code))
        if not code:  # it says where registers are written
            out += s[at:m.start()] + '(void)0' + '\n' * s[m.start():end].count('\n')
            at = end + 1
            continue
        columns, wait, others = re.match(WGMMA, code), re.match(r'wgmma\.wait_group\.sync\.aligned (?:%\d+|0);', code), re.match(OTHERS, code)
        if columns or wait or others:
            all = operands(s[literals.end():end])
            if columns:
                call = f'emu_wgmma<{columns.group(1)}>(&{all[0]}, {", ".join(all[int(columns.group(1)) // 2:])})'
            elif wait:
                call = f'emu_wgmma_wait({all[-1] if all else 0})'
            else:
                call = f'emu_meet({others.group(1)}, {others.group(2)})' if others.group(1) else 'emu_nothing()'
            out += s[at:m.start()] + call + '\n' * s[m.start():end].count('\n')
            at = end + 1
            continue
        if not name:
            fail(f'no emulation of {code!r}: give ASM one, and simt.h')
        arguments = ', '.join(operands(s[literals.end():end]))
        out += s[at:m.start()] + f'{name}({arguments})' + '\n' * s[m.start():end].count('\n')
        at = end + 1
    return out + s[at:]


def shared(s):
    """Shared memory that a kernel declares, and what its launch gives it."""
    count = 0
    def one(m):
        nonlocal count
        text = m.group(1)
        if m.group(0).startswith('extern'):
            declared = re.match(r'\s*(.*?)(\w+)\s*\[\s*\]\s*$', text, re.S)
            kind = declared.group(1).strip()
            return f'{kind} *const {declared.group(2)} = ({kind} *)emu_dynamic();'
        text = re.sub(r'__align__\s*\(\s*\d+\s*\)', '', text)
        first = re.match(r'\s*((?:unsigned\s+|long\s+|struct\s+|const\s+)*\w+)\s+(.*)$', text, re.S)
        kind, out = first.group(1), []
        for d in re.split(r',(?![^\[<(]*[\]>)])', first.group(2)):
            d = re.match(r'\s*(\w+)\s*((?:\[[^]]*\]\s*)*)$', d)
            if not d:
                fail('what shared memory is this: ' + text)
            t = f'emu_shared_{count}_{d.group(1)}'
            out.append(f'typedef {kind} {t}{d.group(2).strip()}; {t} &{d.group(1)} = *({t} *)emu_static({count}, sizeof({t}));')
            count += 1
        return ' '.join(out) + '\n' * m.group(0).count('\n')
    s = re.sub(r'extern\s+__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s*)?([^;]*);', one, s)
    return re.sub(r'__shared__\s+([^;]*);', one, s)


def arguments(s, kernel):
    m = re.search(r'\b' + kernel + r'\s*\(', s)
    return names_of(s[m.end():end_of(s, m.end() - 1, '(', ')')])


def main(source, out):
    original = open(source).read()
    s = without_comments(original)
    kernels = re.findall(r'__global__\s+void(?:\s+__launch_bounds__\s*\([^)]*\))?\s+(\w+)\s*\(', s)
    lists = {k: arguments(s, k) for k in kernels}
    s = shared(emulate(s))
    s = re.sub(r'extern\s+"C"\s+__global__', 'static', s)
    s = re.sub(r'\bstatic\s+(__device__|__constant__)\s+const\b', 'static const', s)
    s = re.sub(r'\b__device__\s+__forceinline__', 'static inline', s)
    s = re.sub(r'\b(__device__|__forceinline__)\b', '', s)
    with open(out, 'w') as f:
        f.write(f'#line 1 "{source}"\n{s}\n')
        for k, a in lists.items():
            f.write(f'#define EMU_ARGUMENTS_{k} {", ".join("emu_argument_" + x for x in a)}\n')


main(*sys.argv[1:])
