package cache

// Report is what a check of all entries found.
type Report struct {
	Entries int     // entries checked
	Bytes   int64   // size of their files
	Bad     []*Miss // the bad ones; all but the unreadable were removed
}

// Verify reads every entry, compares its digest, and removes the bad ones. It does not count as a read.
func (c *Cache) Verify() (Report, error) {
	if c == nil {
		return Report{}, nil
	}
	var report Report
	files, err := c.files()
	for _, f := range files {
		_, miss := c.load(f.id)
		if miss != nil && miss.Reason == ReasonAbsent {
			continue // removed by another process since
		}
		report.Entries++
		report.Bytes += f.size
		if miss != nil {
			report.Bad = append(report.Bad, miss)
		}
	}
	return report, err
}
