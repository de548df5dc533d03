"""What people see: the HTML report, and progress and verdicts on the console."""
